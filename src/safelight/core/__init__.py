"""What every package may use: errors, ids, files, JSON, metrics, background parts, traces, messages."""
