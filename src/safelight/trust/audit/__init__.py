"""The audit log, and its verification by its hash chain and by signed checkpoints outside the database."""

from __future__ import annotations

from .checkpoint_writer import CheckpointWriter
from .checkpoints import (
    Checkpoint,
    CheckpointKey,
    CheckpointStore,
    FileCheckpointStore,
    ObjectCheckpointStore,
)
from .models import AuditProblem, AuditVerification, LogEntry
from .service import erase_contents, read_entries, read_history, verify

__all__ = [
    "AuditProblem",
    "AuditVerification",
    "Checkpoint",
    "CheckpointKey",
    "CheckpointStore",
    "CheckpointWriter",
    "FileCheckpointStore",
    "LogEntry",
    "ObjectCheckpointStore",
    "erase_contents",
    "read_entries",
    "read_history",
    "verify",
]
