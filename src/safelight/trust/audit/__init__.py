"""The log: verified against its own chain and against signed heads kept outside the database."""

from __future__ import annotations

from .checkpoint_writer import HeadWriter
from .checkpoints import FolderHeads, Head, HeadKey, Heads, StoreHeads
from .models import LogEntry, Problem, Verification
from .service import entries, erase, history, verify

__all__ = [
    "FolderHeads",
    "Head",
    "HeadKey",
    "HeadWriter",
    "Heads",
    "LogEntry",
    "Problem",
    "StoreHeads",
    "Verification",
    "entries",
    "erase",
    "history",
    "verify",
]
