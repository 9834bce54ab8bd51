"""Media processing in a sandboxed child: probe, decode, normalize, encode."""
