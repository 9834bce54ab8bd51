"""What every package may use: errors, ids, files, JSON, metrics, messages, and outgoing requests in `net`."""
