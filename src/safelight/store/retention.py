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
    #: The clip of a paid generator before a verdict ends it. It is not served. If its video ends without a
    #: verdict, it is kept until a person decides, and for `PAID_CLIP_S` at least.
    PAID_CLIP = "paid_clip"
    #: A file that only principals with the scope `vault` may read.
    VAULT = "vault"


#: How long a paid clip is kept after its video has ended without a verdict and without a decision.
PAID_CLIP_S = 7 * 86_400.0
