"""The log: verified against its own chain and against signed heads kept outside the database."""

from __future__ import annotations

from .checkpoint_writer import HeadWriter
from .checkpoints import Checkpoint, CheckpointKey, FileCheckpointStore, Heads, ObjectCheckpointStore
from .models import AuditProblem, AuditVerification, LogEntry
from .service import entries, erase, history, verify

__all__ = [
    "AuditProblem",
    "AuditVerification",
    "Checkpoint",
    "CheckpointKey",
    "FileCheckpointStore",
    "HeadWriter",
    "Heads",
    "LogEntry",
    "ObjectCheckpointStore",
    "entries",
    "erase",
    "history",
    "verify",
]
