"""The parts that find the origin of files, and that add late timestamps."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex
    from safelight.provenance.recovery.copies import CopySearch
    from safelight.provenance.recovery.recovery import Recovery
    from safelight.provenance.soft_bindings import SoftBindings
    from safelight.videos.registry import FingerprintStore, LateTimestamps, ProvenanceChecks

    from .core import CoreParts
    from .persistence import PersistenceParts


class ProvenanceParts:
    """Recovery of the origin of files, checks for strangers, late timestamps."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence

    @cached_property
    def fingerprints(self) -> FingerprintStore:
        from safelight.videos.registry import FingerprintStore

        return FingerprintStore(self._persistence.database)

    @cached_property
    def fingerprint_index(self) -> FingerprintIndex:
        from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex

        return FingerprintIndex(self.fingerprints)

    @cached_property
    def copies(self) -> CopySearch:
        from safelight.provenance.recovery.copies import CopySearch

        return CopySearch(
            sandbox=self._core.sandbox,
            recovery=self.recovery,
            index=self.fingerprint_index,
            fingerprints=self.fingerprints,
            registry=self._persistence.seal_registry,
        )

    @cached_property
    def recovery(self) -> Recovery:
        from safelight.provenance.recovery.recovery import Recovery, RecoverySources
        from safelight.videos.withdrawal import is_withdrawn

        return Recovery(
            sandbox=self._core.sandbox,
            verifier=self._persistence.verifier,
            reader=self._persistence.watermark_reader,
            sources=RecoverySources(
                registry=self._persistence.seal_registry,
                fingerprints=self.fingerprints,
                index=self.fingerprint_index,
                is_withdrawn=partial(is_withdrawn, self._persistence.database),
            ),
        )

    @cached_property
    def checks(self) -> ProvenanceChecks:
        from safelight.videos.registry import ProvenanceChecks
        from safelight.videos.withdrawal import has_delivered, is_withdrawn

        return ProvenanceChecks(
            recovery=self.recovery,
            registry=self._persistence.seal_registry,
            database=self._persistence.database,
            is_withdrawn=partial(is_withdrawn, self._persistence.database),
            has_delivered=partial(has_delivered, self._persistence.database),
            issuer=self._core.settings.sealing.organization,
        )

    @cached_property
    def soft_bindings(self) -> SoftBindings:
        from safelight.provenance.soft_bindings import SoftBindings
        from safelight.videos.withdrawal import is_withdrawn

        return SoftBindings(
            registry=self._persistence.seal_registry,
            is_withdrawn=partial(is_withdrawn, self._persistence.database),
        )

    @cached_property
    def late_timestamps(self) -> LateTimestamps | None:
        """None if no timestamp authority is configured."""
        if self._persistence.timestamper is None:
            return None
        from safelight.videos.registry import LateTimestamps

        return LateTimestamps(
            registry=self._persistence.seal_registry,
            timestamper=self._persistence.timestamper,
            stopping=self._core.shutdown_event,
        )
