"""Manifests by a watermark or by a delivered file, for C2PA's Soft Binding Resolution API."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from safelight.core.errors import InvalidField, NotFound

from .seal import FINGERPRINT_ALGORITHM, WATERMARK_ALGORITHM, Seal, SealRegistry

#: Bytes of the id that a watermark carries.
_ID_BYTES = 8


class SoftBindings:
    """Finds the manifests of delivered files whose copies have lost them. Withdrawn, vaulted and deleted
    files are not found.
    """

    def __init__(self, *, registry: SealRegistry, is_withdrawn: Callable[[str], bool]) -> None:
        self._registry = registry
        self._is_withdrawn = is_withdrawn

    def find(self, algorithm: str, value: str) -> tuple[str, ...]:
        """The identifiers of the manifests with this soft binding; `value` is in base64.

        Raises `InvalidField` for another algorithm, and for a value that is not one of it.
        """
        if algorithm == FINGERPRINT_ALGORITHM:
            raise InvalidField(
                "No manifest contains a fingerprint.",
                param="alg",
                remedy="Send the content to matches/byContent.",
            )
        self.require_known(algorithm)
        try:
            content_id = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError) as error:
            raise _invalid_value() from error
        if len(content_id) != _ID_BYTES:
            raise _invalid_value()
        return self.find_for(self._registry.by_mark(content_id.hex()))

    def require_known(self, algorithm: str) -> None:
        """Raises `InvalidField` for another algorithm than those of our watermark and fingerprint."""
        if algorithm not in (WATERMARK_ALGORITHM, FINGERPRINT_ALGORITHM):
            raise InvalidField(
                f"The algorithm {algorithm[:100]!r} is not supported.",
                param="alg",
                remedy=f"Use {WATERMARK_ALGORITHM}.",
            )

    def find_for(self, seal: Seal | None) -> tuple[str, ...]:
        """The identifiers of the manifests of a delivered file."""
        found = self._usable(seal)
        return (found.manifest_id,) if found is not None and found.manifest_id else ()

    def manifest(self, manifest_id: str) -> bytes:
        """The manifest store with this manifest. Raises `NotFound`."""
        found = self._usable(self._registry.by_manifest_id(manifest_id))
        if found is None:
            raise NotFound("No manifest has this identifier.", param="manifest_id")
        return found.manifest

    def _usable(self, seal: Seal | None) -> Seal | None:
        # A deleted video has no stored manifest.
        return seal if seal and seal.manifest and not self._is_withdrawn(seal.video_id) else None


def _invalid_value() -> InvalidField:
    return InvalidField(f"The value must be {_ID_BYTES} bytes in base64.", param="value")
