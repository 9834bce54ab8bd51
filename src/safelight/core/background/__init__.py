"""Background work of the gateway: parts that survive every error, and rows that fail again and again."""
