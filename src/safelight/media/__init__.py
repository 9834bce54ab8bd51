"""Media files, opened only in sandboxed children (`sandbox`): probe, decode, normalize, encode."""
