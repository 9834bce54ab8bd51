"""Database with its tenant guard, blob store, hash chain and outbox."""
