"""Retention classes of stored files."""

from __future__ import annotations

from enum import StrEnum

#: How long a paid clip is kept after its video has ended without a verdict and without a decision.
PAID_CLIP_S = 7 * 86_400.0


class Retention(StrEnum):
    """Why a file is kept. With the time at which its video expires, it decides how long it is kept."""

    #: The delivered, sealed file and its previews.
    DELIVERED = "delivered"
    #: Evidence of a verdict: the generated video before sealing, references, flagged frames.
    EVIDENCE = "evidence"
    #: The clip of a paid generator before a verdict ends it. It is not served. If its video ends without a
    #: verdict, it is kept until a person decides, and for `PAID_CLIP_S` at least.
    PAID_CLIP = "paid_clip"
    #: A file of a vaulted video. No API and no page returns it.
    VAULT = "vault"
