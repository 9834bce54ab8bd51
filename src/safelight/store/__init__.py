"""Database, blobs, the audit log and the outbox."""
