"""The audit log, and its verification by its hash chain and by signed checkpoints outside the database."""

from .checkpoint_writer import CheckpointWriter
from .checkpoints import CheckpointKey, CheckpointStore, FileCheckpointStore, ObjectCheckpointStore
from .entries import LogEntry, erase_contents, find_accounts, read_entries, read_history
from .inclusion import InclusionProof, InclusionProver, verify_inclusion
from .verification import AuditVerification, verify

__all__ = [
    "AuditVerification",
    "CheckpointKey",
    "CheckpointStore",
    "CheckpointWriter",
    "FileCheckpointStore",
    "InclusionProof",
    "InclusionProver",
    "LogEntry",
    "ObjectCheckpointStore",
    "erase_contents",
    "find_accounts",
    "read_entries",
    "read_history",
    "verify",
    "verify_inclusion",
]
