"""Face and voice recognition: consents, protected people, embedders and matchers."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.core.errors import SafelightError, SettingsError

from .core import CoreParts
from .persistence import PersistenceParts

if TYPE_CHECKING:
    from safelight.cases.consents import Consents, ProtectedPeople, TemplateKey, TemplateVector
    from safelight.cases.consents.enrolment import EnrolledClip
    from safelight.detectors.likeness.face_embedder import DlibFaceEmbedder
    from safelight.detectors.likeness.faces import FaceMatcher
    from safelight.detectors.likeness.voice_embedder import OnnxVoiceEmbedder
    from safelight.detectors.likeness.voices import VoiceMatcher
    from safelight.screening.scanning.service import Scanner


class LikenessParts:
    """Recognition of faces and voices. No template is computed unless the settings enable it."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts) -> None:
        self._core = core
        self._persistence = persistence

    @cached_property
    def template_key(self) -> TemplateKey:
        from safelight.cases.consents import TemplateKey

        return TemplateKey.load(self._persistence.key_folder)

    @cached_property
    def consents(self) -> Consents:
        from safelight.cases.consents import Consents

        return Consents(self._persistence.database, self.template_key, self.enrol_face, self._enrol_voice)

    @cached_property
    def protected_people(self) -> ProtectedPeople:
        from safelight.cases.consents import ProtectedPeople

        return ProtectedPeople(
            self._persistence.database, self.template_key, self.enrol_face, self._enrol_voice
        )

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

    @cached_property
    def voice_embedder(self) -> OnnxVoiceEmbedder | None:
        """The voice embedder with its model loaded, or None if the settings name no model.

        Raises `SettingsError` if the file is not a speaker embedding model, or if no installed runtime can
        run it.
        """
        settings = self._core.settings.likeness.voice
        if settings.model is None:
            return None
        from safelight.detectors.likeness.voice_embedder import OnnxVoiceEmbedder
        from safelight.detectors.likeness.voice_model import missing_package

        if sentence := missing_package():
            raise SettingsError(f"likeness.voice.model: {sentence}")
        describer = OnnxVoiceEmbedder(settings.model, framework=settings.framework, sha256=settings.sha256)
        try:
            _loaded = describer.version
        except SafelightError as error:
            describer.close()
            raise SettingsError(
                f"likeness.voice.model: {error.message.removeprefix('ValueError: ')}",
                remedy="docs/people.md#voices lists the models that work.",
            ) from None
        return describer

    def close_embedders(self) -> None:
        """End the embedder processes that were started."""
        for name in ("face_embedder", "voice_embedder"):
            if (describer := self.__dict__.get(name)) is not None:
                describer.close()

    def enrol_face(self, path: Path) -> TemplateVector:
        """Compute the template of a face.

        Raises `SettingsError` if face matching is disabled or not installed.
        """
        from safelight.cases.consents.enrolment import FaceEnroller
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
        from safelight.cases.consents.enrolment import ClipEnroller

        if self.no_camera_reason is not None:
            raise SettingsError(f"Consents on camera are off: {self.no_camera_reason}")
        enrol = ClipEnroller(
            scanner=self._core.decode_only_scanner,
            embedder=self.face_embedder,
            scratch=lambda: self._persistence.scratch,
            max_distance=self._core.settings.likeness.consent_distance,
        )
        return enrol(path)

    def _enrol_voice(self, path: Path) -> TemplateVector:
        """Compute the template of a voice.

        Raises `SettingsError` if voice matching is disabled or not installed.
        """
        from safelight.cases.consents.enrolment import VoiceEnroller

        if (describer := self.voice_embedder) is None:
            raise SettingsError(
                "Voices are enrolled only if `likeness.voice.model` names a model. See docs/people.md#voices."
            )
        settings = self._core.settings.likeness.voice
        enrol = VoiceEnroller(
            scanner=self._speech_scanner,
            embedder=describer,
            scratch=lambda: self._persistence.scratch,
            min_speech_s=settings.enrolment_s,
            min_segment_s=settings.min_speech_s,
            max_distance=settings.protected_distance,
        )
        return enrol(path)

    @property
    def _speech_scanner(self) -> Scanner:
        """A scanner with the speech detector only."""
        from safelight.detectors.audio.vad import NAME
        from safelight.screening.scanning.service import Scanner, ScannerOptions

        specs = [spec for spec in self._core.detectors.child_specs() if spec[0] == NAME]
        if not specs:
            raise SettingsError(f"A recording is enrolled only if the detector {NAME!r} is enabled.")
        return Scanner(self._core.sandbox, specs, ScannerOptions(warm_children=0, video_timeout_s=120.0))

    @cached_property
    def face_matcher(self) -> FaceMatcher | None:
        """The face matcher, or None if `likeness.enabled` is false."""
        settings = self._core.settings.likeness
        if not settings.enabled:
            return None
        from safelight.cases.consents import EnrolledLookup
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

    @cached_property
    def voice_matcher(self) -> VoiceMatcher | None:
        """The voice matcher, or None if the settings name no voice model."""
        if (describer := self.voice_embedder) is None:
            return None
        from safelight.cases.consents import EnrolledLookup
        from safelight.detectors.likeness.matching import Distances
        from safelight.detectors.likeness.voices import VoiceMatcher
        from safelight.policy.intended_use import ConsentScope

        settings = self._core.settings.likeness.voice
        return VoiceMatcher(
            embedder=describer,
            lookup=EnrolledLookup(
                database=self._persistence.database,
                key=self.template_key,
                scope=ConsentScope.VOICE,
                model=describer.version,
            ),
            distances=Distances(consent=settings.consent_distance, protected=settings.protected_distance),
            min_piece_s=settings.min_speech_s,
        )
