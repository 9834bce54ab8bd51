"""The web console: server-rendered pages that small scripts update in place."""
