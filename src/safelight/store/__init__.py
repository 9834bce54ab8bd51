"""Database, blob store, audit log and outbox."""
