"""Retention classes of stored files.

The retention service derives the storage time of a file from its class.
"""

from __future__ import annotations

from enum import StrEnum


class Retention(StrEnum):
    """Why a file is kept. The class decides how long it is kept and who may read it."""

    #: The delivered, sealed file and its previews.
    DELIVERED = "delivered"
    #: Evidence of a verdict: the generated video before sealing, references, flagged frames.
    EVIDENCE = "evidence"
    #: A file that only principals with the scope `vault` may read.
    VAULT = "vault"
