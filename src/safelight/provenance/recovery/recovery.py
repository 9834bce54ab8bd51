"""Finds the registered video that a file comes from: by its bytes, manifest, watermark and picture."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from safelight.core.errors import ConfigurationError, InvalidMedia, SandboxCrashed, SandboxFailed, TooLarge
from safelight.core.i18n import load_messages
from safelight.detectors.image.pdq import BYTES
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.fingerprints.clip_fingerprint import SearchedFrames
from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex, PictureSource
from safelight.provenance.fingerprints.fingerprinter import is_picture, search_in_child
from safelight.provenance.fingerprints.moment_comparison import Moments
from safelight.provenance.fingerprints.picture_comparison import Comparison, RegisteredPicture
from safelight.provenance.models import NO_REVOCATIONS, SignerTrust, Verification
from safelight.provenance.seal import Seal, SealRegistry
from safelight.provenance.verification import Verifier
from safelight.provenance.watermark_service import MarkReading, WatermarkReader
from safelight.provenance.worker import LIMITS

from .conclusion import Answer, Conclusion, Ground, MarkSearch, OriginEvidence, conclude
from .known_mark_search import KnownMarkResult, KnownPicture, search_known_in_child
from .worker import compare_in_child, compare_moments_in_child

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

#: Share of the searched frames that must match frames of a registered file. Two scenes of a longer clip may
#: come from elsewhere.
AGREEING_SHARE = 0.5
#: Processor time for the marks of similar registered files, in seconds, and limits of the child. A mark takes
#: about 6 s. The child stops by itself after one more step, which takes 2 s at most.
KNOWN_S = 7.0
KNOWN_LIMITS = msgspec.structs.replace(LIMITS, wall_s=36.0, cpu_s=9)
#: The comparison with the picture of a mark that was read. It is made only then, so its time must be within
#: that of every answer. A clip that is too long to be decoded in this time is not compared.
MARKED_LIMITS = msgspec.structs.replace(LIMITS, wall_s=24.0, cpu_s=6)
#: Processor time for the comparison of moments, in seconds. A clip of 4 s takes 1 to 3 s.
MOMENTS_S = 6
_MOMENT_LIMITS = msgspec.structs.replace(LIMITS, wall_s=4.0 * MOMENTS_S, cpu_s=MOMENTS_S)


@dataclass(frozen=True, kw_only=True)
class FirstLook:
    """What is known about a file before a watermark is searched."""

    verification: Verification
    known: Seal | None
    #: Whether the file is a clip or a picture that can be decoded.
    has_picture: bool = True
    #: False if the hashes of its frames are missing: the child failed, or a picture is damaged or too large.
    #: Then nothing is known about similar files.
    was_hashed: bool = True
    #: Hashes of registered files with agreeing frames, the most similar first.
    similar: tuple[str, ...] = ()
    #: Hashes of registered files with some near frame.
    shortlist: tuple[str, ...] = ()
    #: Hashes of registered files of which no frame is near. They are compared if there is time left.
    far: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Hashes of all registered files that frames name, the most similar first."""
        return tuple(dict.fromkeys((*self.similar, *self.shortlist, *self.far)))

    @property
    def has_own_manifest(self) -> bool:
        return self.verification.signer is SignerTrust.OWN

    @property
    def may_be_ours(self) -> bool:
        """Whether "not found here" could be wrong although no mark is read."""
        is_damaged = self.verification.registered is None  # the entry in the registry
        return not self.was_hashed or is_damaged or self.verification.reading.note == NO_REVOCATIONS

    @property
    def is_media(self) -> bool:
        """Whether the file is a video or a picture. What cannot be searched for another reason counts."""
        return self.has_picture or self.may_be_ours

    @property
    def is_decided(self) -> bool:
        """Whether bytes or manifest prove the origin, so that nothing else has to be searched."""
        return self.known is not None or self.has_own_manifest


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """The result of a recovery."""

    conclusion: Conclusion
    verification: Verification
    #: The registered file that the evidence names; None if it names none.
    seal: Seal | None = None
    #: Whether the registered video was withdrawn or vaulted.
    is_withdrawn: bool = False
    #: Why the search for a watermark did not end: a key cannot be read, or the child failed. A later search
    #: may find a mark. None if there is no key here, or if the time of the search was used up.
    search_error: ConfigurationError | SandboxFailed | None = None
    #: Whether a file of this kind without a mark would be "not found here", if no picture agrees either.
    is_complete: bool = True

    @property
    def source_video(self) -> str | None:
        """The id of the delivered video that the file is, or was probably made from; None without one."""
        is_ours = self.conclusion.answer in (Answer.UNCHANGED, Answer.CHANGED)
        if not is_ours:
            return None
        # A manifest of ours names its video, also if the row of the registry is missing or was changed.
        return self.seal.video_id if self.seal is not None else self.verification.video_id or None

    @property
    def names_withdrawn(self) -> bool:
        """Whether the file must not be used as an input. The mark of a withdrawn video is enough, because its
        picture was deleted and cannot be compared.
        """
        is_named = self.source_video is not None or self.conclusion.ground is Ground.MARK_NOT_COMPARED
        return self.is_withdrawn and is_named


@dataclass(frozen=True, kw_only=True)
class _Similar:
    """A registered file whose picture agrees or whose mark was found; None without such a file."""

    seal: Seal | None = None
    has_mark: bool = False
    #: Whether the picture agrees with that of the mark.
    agrees: bool = False
    #: Whether every file of the shortlist was compared. Otherwise the origin may be among the others.
    is_complete: bool = True


@dataclass(frozen=True, kw_only=True)
class RecoverySources:
    """What a recovery reads."""

    registry: SealRegistry
    fingerprints: PictureSource
    index: FingerprintIndex
    #: Whether a registered video was withdrawn or vaulted.
    is_withdrawn: Callable[[str], bool]


class Recovery:
    """Recovers the origin of files. Opens them only in sandboxed children. Thread-safe."""

    def __init__(
        self, *, sandbox: Sandbox, verifier: Verifier, reader: WatermarkReader, sources: RecoverySources
    ) -> None:
        self._sandbox = sandbox
        self._verifier = verifier
        self._reader = reader
        self._sources = sources

    def recover(self, path: Path, *, sidecar: Path | None = None) -> Recovered:
        """The origin of a file. Raises `NotFound` or `InvalidMedia` if the file cannot be read at all."""
        return self.conclude(path, self.look(path, sidecar=sidecar))

    def find_near(self, path: Path, *, share: float) -> tuple[str, ...]:
        """The hashes of all registered files that have at least this share of the frames of a file.

        The answer removes videos. So a child that fails is an error, and never an answer: raises
        `SandboxFailed`, and `InvalidMedia` or `TooLarge` if the file cannot be read.
        """
        found = self._sources.index.search_all(self._hash_frames(path))
        return tuple(one.sha256 for one in found if one.share >= share)

    def compare(self, path: Path, sha256s: Sequence[str]) -> dict[str, Comparison]:
        """Whether the picture of a file is that of each of these registered files.

        A file whose picture is not stored is left out. All are compared in one child, which takes less than
        1 s for each. Raises the errors of `find_near`.
        """
        known = {one: self._sources.fingerprints.picture(one) for one in sha256s}
        pictures = {sha256: picture for sha256, picture in known.items() if picture is not None}
        if not pictures:
            return {}
        task = {**_source(path), "registered": list(pictures.values()), "confirms_difference": False}
        results = self._compare_all(path, task, LIMITS)
        return dict(zip(pictures, results, strict=True))

    def look(self, path: Path, *, sidecar: Path | None = None) -> FirstLook:
        """The evidence that needs no watermark: bytes, manifest (or `sidecar`), and similar pictures."""
        registry = self._sources.registry
        verification = self._verifier.verify(path, lookup=registry.find, sidecar=sidecar)
        known = registry.by_sha256(verification.sha256)
        look = FirstLook(verification=verification, known=known)
        if look.is_decided:
            return look
        try:
            frames = self._hash_frames(path)
        except SandboxFailed as error:
            _log.warning("The frames of a file could not be hashed: %s", error.message)
            return replace(look, was_hashed=False)
        except TooLarge:
            return replace(look, has_picture=False, was_hashed=False)
        except InvalidMedia:
            return replace(look, has_picture=False, was_hashed=not is_picture(path))
        found = self._sources.index.search(frames)
        return replace(
            look,
            similar=tuple(one.sha256 for one in found if one.share >= AGREEING_SHARE),
            shortlist=tuple(one.sha256 for one in found if one.share),
            far=tuple(one.sha256 for one in found if not one.share),
        )

    def conclude(self, path: Path, look: FirstLook) -> Recovered:
        """The origin of a file of which `look` is known. Searches a watermark only if that is not enough."""
        if look.is_decided:
            seal = look.known or self._sources.registry.by_video_id(look.verification.video_id)
            evidence = OriginEvidence(is_exact=look.known is not None, has_own_manifest=look.has_own_manifest)
            return self._recovered(evidence, look, seal)
        if not look.has_picture:
            mark = MarkSearch.NOT_SEARCHED if look.may_be_ours else MarkSearch.NOT_READ
            return self._recovered(OriginEvidence(mark=mark), look, None)
        mark, reading, error = self._search_mark(path)
        if mark is MarkSearch.NOT_READ and look.may_be_ours:
            mark = MarkSearch.NOT_SEARCHED  # "not found here" could be wrong
        is_complete = reading.is_complete and mark is not MarkSearch.NOT_SEARCHED and not look.may_be_ours
        marked = self._marked(reading, look)
        if marked is not None:
            found = self._recovered(self._compare_marked(path, marked, look), look, marked)
            return replace(found, is_complete=is_complete)
        similar = self._similar(path, look)
        if similar.has_mark and similar.seal is not None and similar.agrees:
            evidence = self._agreeing(path, self._sources.fingerprints.picture(similar.seal.sha256))
        elif similar.has_mark:
            # Its features were compared before, and none agreed.
            evidence = OriginEvidence(mark=MarkSearch.READ, marked_picture=Comparison.NOT_COMPARABLE)
        else:
            if mark is MarkSearch.NOT_READ and not similar.is_complete:
                mark = MarkSearch.NOT_SEARCHED
            evidence = OriginEvidence(mark=mark, has_similar=similar.seal is not None)
        found = self._recovered(evidence, look, similar.seal)
        return replace(found, search_error=error, is_complete=is_complete)

    def _recovered(self, evidence: OriginEvidence, look: FirstLook, seal: Seal | None) -> Recovered:
        video_id = seal.video_id if seal is not None else look.verification.video_id
        return Recovered(
            conclusion=conclude(evidence),
            verification=look.verification,
            seal=seal,
            is_withdrawn=bool(video_id) and self._sources.is_withdrawn(video_id),
        )

    def _hash_frames(self, path: Path) -> list[Any]:
        found = _search_frames(self._sandbox, path)
        return [np.frombuffer(hashes, np.uint8).reshape(-1, BYTES) for hashes in found.frames]

    def _search_mark(
        self, path: Path
    ) -> tuple[MarkSearch, MarkReading, ConfigurationError | SandboxFailed | None]:
        """The result of the search, what was read, and why it did not end."""
        try:
            if not self._reader.has_keys:
                return MarkSearch.NOT_SEARCHED, MarkReading(), None
            reading = self._reader.read(path)
        except (ConfigurationError, SandboxFailed) as error:
            _log.warning("The search for a watermark did not end: %s", error.message)
            return MarkSearch.NOT_SEARCHED, MarkReading(), error
        if reading.content_id is not None:
            return MarkSearch.READ, reading, None
        return MarkSearch.NOT_READ if reading.is_complete else MarkSearch.NOT_SEARCHED, reading, None

    def _marked(self, reading: MarkReading, look: FirstLook) -> Seal | None:
        """The registered file whose mark was read, or is found because its picture is similar."""
        registry = self._sources.registry
        if reading.content_id is not None:
            found = registry.by_mark(reading.content_id)
            # With a copied seed of another epoch, the id of any video can be written into a file.
            return found if found is not None and found.mark.epoch == reading.epoch else None
        for sha256 in look.named if reading.unread else ():
            seal = registry.by_sha256(sha256)
            if seal is not None and seal.mark.content_id is not None:
                seed = self._seed(seal.mark.epoch)
                if seed is not None and reading.has(int(seal.mark.content_id, 16), seed):
                    return seal
        return None

    def _compare_marked(self, path: Path, marked: Seal, look: FirstLook) -> OriginEvidence:
        picture = self._sources.fingerprints.picture(marked.sha256)
        if marked.sha256 in look.similar:
            return self._agreeing(path, picture)
        compared = Comparison.NOT_COMPARABLE if picture is None else self._compare(path, picture)
        if compared is Comparison.AGREES:
            return self._agreeing(path, picture)
        return OriginEvidence(mark=MarkSearch.READ, marked_picture=compared)

    def _agreeing(self, path: Path, picture: RegisteredPicture | None) -> OriginEvidence:
        """The evidence of a mark and an agreeing picture, which may be another part of the same film."""
        return OriginEvidence(
            mark=MarkSearch.READ,
            marked_picture=Comparison.AGREES,
            has_other_moments=picture is not None and self._compare_moments(path, picture) is Moments.OTHER,
        )

    def _compare_moments(self, path: Path, registered: RegisteredPicture) -> Moments:
        """Undecided if the file cannot be compared in time."""
        try:
            answer = self._sandbox.run(
                EntryPoint.of(compare_moments_in_child),
                {**_source(path), "registered": registered},
                reads=[path.absolute()],
                limits=_MOMENT_LIMITS,
            )
        except (InvalidMedia, TooLarge, SandboxFailed):
            return Moments.UNDECIDED
        return _convert(answer, Moments)

    def _similar(self, path: Path, look: FirstLook) -> _Similar:
        """The registered file whose picture agrees, if one does; above all one whose mark the file has."""
        registry, fingerprints = self._sources.registry, self._sources.fingerprints
        named = [(registry.by_sha256(sha256), fingerprints.picture(sha256)) for sha256 in look.named]
        known = [(seal, picture) for seal, picture in named if seal is not None and picture is not None]
        results = self._search_known(path, [self._known(*one) for one in known])
        pairs = list(zip((seal for seal, _picture in known), results, strict=True))
        for seal, result in pairs:
            if result.has_mark:
                agrees = result.agrees or seal.sha256 in look.similar
                return _Similar(seal=seal, has_mark=True, agrees=agrees)
        agreeing = [seal for seal, result in pairs if result.agrees]
        # The row of a registered file is missing in `known` if it was changed or damaged.
        is_readable = {seal.sha256 for seal, _picture in known}.issuperset((*look.similar, *look.shortlist))
        if look.similar:
            return _Similar(seal=registry.by_sha256(look.similar[0]), is_complete=is_readable)
        return _Similar(
            seal=agreeing[0] if agreeing else None,
            is_complete=is_readable
            and all(one.was_reached or seal.sha256 in look.far for seal, one in pairs),
        )

    def _known(self, seal: Seal, picture: RegisteredPicture) -> KnownPicture:
        content_id = seal.mark.content_id
        return KnownPicture(
            picture=picture,
            content_id=None if content_id is None else int(content_id, 16),
            seed=self._seed(seal.mark.epoch),
        )

    def _seed(self, epoch: int | None) -> bytes | None:
        try:
            return self._reader.seed(epoch)
        except ConfigurationError:  # was logged by the search before
            return None

    def _search_known(self, path: Path, known: Sequence[KnownPicture]) -> list[KnownMarkResult]:
        if not known:
            return []
        nothing = [KnownMarkResult()] * len(known)
        try:
            answer = self._sandbox.run(
                EntryPoint.of(search_known_in_child),
                {**_source(path), "known": list(known), "budget_s": KNOWN_S},
                reads=[path.absolute()],
                limits=KNOWN_LIMITS,
            )
        except (InvalidMedia, TooLarge, SandboxFailed):
            return nothing
        results = _convert(answer, list[KnownMarkResult])
        if len(results) != len(known):
            raise SandboxCrashed("The sandboxed child returned another number of results.")
        return results

    def _compare(self, path: Path, registered: RegisteredPicture) -> Comparison:
        """For a public check: a file that cannot be compared raises nothing."""
        task = {**_source(path), "registered": [registered], "confirms_difference": True}
        try:
            return self._compare_all(path, task, MARKED_LIMITS)[0]
        except (InvalidMedia, TooLarge, SandboxFailed):
            return Comparison.NOT_COMPARABLE

    def _compare_all(self, path: Path, task: dict[str, Any], limits: Limits) -> list[Comparison]:
        reads, count = [path.absolute()], len(task["registered"])
        answer = self._sandbox.run(EntryPoint.of(compare_in_child), task, reads=reads, limits=limits)
        results = _convert(answer, list[Comparison])
        if len(results) != count:
            raise SandboxCrashed("The sandboxed child returned another number of results.")
        return results


def not_media() -> InvalidMedia:
    """The error for a file that is neither a video nor a picture. Pages and commands translate it."""
    return InvalidMedia(load_messages("provenance")("not_media"), param="file")


def require_media(sandbox: Sandbox, path: Path) -> None:
    """Raises `not_media()`. For files whose origin cannot be searched, because there is no registry."""
    try:
        _search_frames(sandbox, path)
    except (SandboxFailed, TooLarge):
        return
    except InvalidMedia:
        if not is_picture(path):
            raise not_media() from None


def _search_frames(sandbox: Sandbox, path: Path) -> SearchedFrames:
    answer = sandbox.run(
        EntryPoint.of(search_in_child), _source(path), reads=[path.absolute()], limits=LIMITS
    )
    return _convert(answer, SearchedFrames)


def _convert(answer: object, wanted: type[_T]) -> _T:
    try:
        return msgspec.convert(answer, wanted)
    except msgspec.ValidationError as error:
        raise SandboxCrashed("The sandboxed child returned data of the wrong type.") from error


def _source(path: Path) -> dict[str, Any]:
    return {"source": str(path.absolute())}
