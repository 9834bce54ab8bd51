"""Retention classes of stored files. The retention service derives the time from the class."""

from __future__ import annotations

from enum import StrEnum


class Retention(StrEnum):
    """Why a file is kept, which decides how long and who may read it."""

    #: The delivered, sealed file and its previews.
    DELIVERED = "delivered"
    #: Evidence of a verdict: the generated video before sealing, references, flagged frames.
    EVIDENCE = "evidence"
    #: Working files of a job, deleted when it ends.
    SCRATCH = "scratch"
    #: Only principals with the scope `vault` may read it.
    VAULT = "vault"
