"""Why bytes are kept, and who may see them: a class per asset, never a date where they are made."""

from __future__ import annotations

from enum import StrEnum


class Retention(StrEnum):
    """Why bytes are kept. The retention service turns a class into a time; a class says nothing of days."""

    #: The sealed file a person was given, and what is made from it.
    DELIVERED = "delivered"
    #: What a verdict rests on: the unsealed output, references, flagged stills.
    EVIDENCE = "evidence"
    #: Working files of a job; gone when it ends.
    SCRATCH = "scratch"
    #: Locked away for the vault officer; reached by no ordinary read.
    VAULT = "vault"
