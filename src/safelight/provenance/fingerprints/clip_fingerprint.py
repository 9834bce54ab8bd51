"""The fingerprint of a delivered file, and the hashes of a file that is searched."""

from __future__ import annotations

import hashlib

import msgspec

#: Length of the random salt of a commitment.
SALT_BYTES = 16


class ClipFingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """The fingerprint of one delivered file. It shows the picture, so it is personal data."""

    #: PDQ hashes of 32 bytes each, one after the other, of all sampled frames.
    hashes: bytes
    #: Pictures of the clip in the order of time, as JPEG.
    thumbnails: tuple[bytes, ...]
    #: Time between two thumbnails, in seconds.
    step_s: float
    #: Seconds from the first frame to each thumbnail; empty if they are not known.
    times_s: tuple[float, ...] = ()

    def commitment(self, salt: bytes) -> str:
        """Proves later, together with the salt, what the fingerprint was, without containing it."""
        digest = hashlib.sha256(salt)
        for part in (self.hashes, *self.thumbnails):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()


class SearchedFrames(msgspec.Struct, frozen=True, kw_only=True):
    """The hashes of the sampled frames of a file that is searched."""

    #: For each frame with enough detail, its hashes one after the other.
    frames: tuple[bytes, ...]
    is_picture: bool = False
