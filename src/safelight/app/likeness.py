"""Face recognition: consents, protected people, the embedder and the matcher."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.core.errors import SettingsError

from .core import CoreParts
from .persistence import PersistenceParts

if TYPE_CHECKING:
    from safelight.consents import Consents, ProtectedPeople, TemplateKey, TemplateVector
    from safelight.consents.enrolment import EnrolledClip
    from safelight.detectors.likeness.face_embedder import DlibFaceEmbedder
    from safelight.detectors.likeness.faces import FaceMatcher


class LikenessParts:
    """Recognition of faces. No template is computed unless the settings enable it."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence

    @cached_property
    def template_key(self) -> TemplateKey:
        from safelight.consents import TemplateKey

        return TemplateKey.load(self._persistence.key_folder)

    @cached_property
    def consents(self) -> Consents:
        from safelight.consents import Consents

        return Consents(self._persistence.database, self.template_key, self.enrol_face)

    @cached_property
    def protected_people(self) -> ProtectedPeople:
        from safelight.consents import ProtectedPeople

        return ProtectedPeople(self._persistence.database, self.template_key, self.enrol_face)

    @property
    def no_camera_reason(self) -> str | None:
        """Why consents before the camera are off; None if they are on."""
        from safelight.detectors.likeness.dlib_faces import missing_package

        if not self._core.settings.likeness.enabled:
            return "the settings declare no legal basis for biometric data (likeness.enabled)."
        return missing_package() or None

    @cached_property
    def face_embedder(self) -> DlibFaceEmbedder:
        from safelight.detectors.likeness.face_embedder import DlibFaceEmbedder

        return DlibFaceEmbedder()

    def close_embedder(self) -> None:
        """End the process of the embedder, if it was started."""
        if (embedder := self.__dict__.get("face_embedder")) is not None:
            embedder.close()

    def enrol_face(self, path: Path) -> TemplateVector:
        """Compute the template of a face.

        Raises `SettingsError` if face matching is disabled or not installed.
        """
        from safelight.consents.enrolment import FaceEnroller
        from safelight.detectors.likeness.dlib_faces import missing_package

        if not self._core.settings.likeness.enabled:
            raise SettingsError(
                "Faces are enrolled only if `likeness.enabled` is set. See docs/people.md#likeness."
            )
        if sentence := missing_package():
            raise SettingsError(sentence)
        enrol = FaceEnroller(
            scanner=self._core.decode_only_scanner,
            embedder=self.face_embedder,
            scratch=lambda: self._persistence.scratch,
        )
        return enrol(path)

    def enrol_clip(self, path: Path) -> EnrolledClip:
        """Compute the templates of a clip of one person. Raises `SettingsError` if faces are not compared."""
        from safelight.consents.enrolment import ClipEnroller

        if self.no_camera_reason is not None:
            raise SettingsError(f"Consents on camera are off: {self.no_camera_reason}")
        enrol = ClipEnroller(
            scanner=self._core.decode_only_scanner,
            embedder=self.face_embedder,
            scratch=lambda: self._persistence.scratch,
            max_distance=self._core.settings.likeness.consent_distance,
        )
        return enrol(path)

    @cached_property
    def face_matcher(self) -> FaceMatcher | None:
        """The face matcher, or None if `likeness.enabled` is false."""
        settings = self._core.settings.likeness
        if not settings.enabled:
            return None
        from safelight.consents import EnrolledLookup
        from safelight.detectors.likeness.dlib_faces import missing_package
        from safelight.detectors.likeness.faces import FaceMatcher
        from safelight.detectors.likeness.matching import Distances

        if sentence := missing_package():
            raise SettingsError(f"likeness.enabled: {sentence}")
        return FaceMatcher(
            embedder=self.face_embedder,
            lookup=EnrolledLookup(database=self._persistence.database, key=self.template_key),
            distances=Distances(consent=settings.consent_distance, protected=settings.protected_distance),
        )
