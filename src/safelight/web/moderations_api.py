"""`POST /v1/moderations`: scores texts, images and clips in the thirteen categories of omni-moderation.

The scores come directly from the detectors; the policy is evaluated only on clips. A category without an
installed detector has the score 0 and an empty list of applied input types. This distinguishes "not checked"
from "nothing found".
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from safelight.accounts import Principal
from safelight.accounts.check_limits import CheckLimiter
from safelight.core.errors import InvalidMedia, RateLimited
from safelight.core.net.fetch import Fetcher
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.findings import (
    SEXUAL_CATEGORIES,
    THREAT,
    Cell,
    Finding,
    Group,
    Modality,
    categories_of,
    highest_scores,
    is_threat,
)
from safelight.policy.tenant_policy import TenantPolicy
from safelight.screening.evaluation import StageResult
from safelight.screening.pipeline import Stages
from safelight.screening.reference import media_type
from safelight.screening.scanning.service import Scanner
from safelight.screening.timed_reference import MAX_CLIP_CHECKS, ClipPlaces

#: A category with at least this score is flagged.
MIN_FLAGGED_SCORE = 0.5
MAX_PICTURE_BYTES = 20 << 20
#: How long a call waits for a place to scan a clip. With its scan, it ends before the 60 s that clients wait.
CLIP_WAIT_S = 15.0
#: Seconds after which a client that found no place to scan a clip may try again.
BUSY_RETRY_S = 5.0


def _any_of(categories: frozenset[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in sorted(categories))


#: The categories of omni-moderation. Each has alternative sets of our categories, where `THREAT` stands for a
#: finding of this kind; a set counts only if all of it is found.
MAPPING: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "harassment": (("harassment",),),
    "harassment/threatening": ((THREAT,), ("harassment", "violence")),
    "hate": _any_of(categories_of(Group.HATE) - {"harassment"}),
    "hate/threatening": (("hate", "violence"),),
    "illicit": (("illicit",),),
    "illicit/violent": (("illicit", "violence"), ("extremism",)),
    "self-harm": _any_of(categories_of(Group.SELF_HARM)),
    "self-harm/intent": (("self-harm/intent",),),
    "self-harm/instructions": (("self-harm/instructions",),),
    "sexual": _any_of(SEXUAL_CATEGORIES),
    "sexual/minors": (("sexual/minors",), ("sexual", "minors-present")),
    "violence": _any_of(categories_of(Group.VIOLENCE)),
    "violence/graphic": (("violence/graphic",),),
}


class InputKind(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"


_NOUNS = {InputKind.IMAGE: "an image", InputKind.VIDEO: "a clip"}
#: The coverage cells that count for an input of each kind.
_MODALITIES = {
    InputKind.TEXT: (Modality.TEXT,),
    InputKind.IMAGE: (Modality.TEXT, Modality.IMAGE),
    InputKind.VIDEO: (Modality.TEXT, Modality.FRAMES, Modality.AUDIO),
}


@dataclass(frozen=True, kw_only=True)
class ModerationInput:
    """One text, or the URL of one image or clip. Inputs with the same `group` share one result."""

    kind: InputKind
    value: str
    #: Path of the input in the request, for error messages.
    param: str
    group: int = 0


@dataclass(frozen=True, kw_only=True)
class ModerationResult:
    """The scores of one group of inputs."""

    #: By category of omni-moderation: the score from 0 to 1, and the kinds of input that were checked.
    scores: Mapping[str, float]
    applied: Mapping[str, tuple[InputKind, ...]]
    #: The highest score in each of our categories.
    findings: Mapping[str, float] = field(default_factory=dict)
    #: The verdict on the clip of the group, and the status of each check of it; None without a clip.
    clip: StageResult | None = None

    @property
    def categories(self) -> dict[str, bool]:
        return {name: score >= MIN_FLAGGED_SCORE for name, score in self.scores.items()}

    @property
    def flagged(self) -> bool:
        return any(self.categories.values())

    @property
    def not_checked(self) -> tuple[str, ...]:
        return tuple(name for name, kinds in self.applied.items() if not kinds)


@dataclass(frozen=True, kw_only=True)
class ModerationsApi:
    pipeline: TextPipeline
    scanner: Scanner
    fetcher: Fetcher
    scratch: Path
    #: Counts the inputs.
    check_limiter: CheckLimiter
    stages: Stages
    #: The policy in force for a tenant.
    policy_of: Callable[[str], TenantPolicy]
    max_clip_bytes: int
    #: Set when the process stops: scans of clips then end.
    stopping: threading.Event
    places: ClipPlaces = field(default_factory=ClipPlaces)
    clip_wait_s: float = CLIP_WAIT_S

    def look(
        self, principal: Principal, pieces: Sequence[ModerationInput], *, end_user: str | None = None
    ) -> tuple[ModerationResult, ...]:
        """Score all inputs. Returns the result of each group, in order. Each input counts as one check.

        Raises `CheckLimitExceeded`, `RateLimited` if no place to scan a clip becomes free in time, and
        `InvalidMedia`, `TooLarge` or `RefusedAddress` for an unusable file.
        """
        if any(piece.kind is InputKind.VIDEO for piece in pieces):
            with self.places.hold(principal.id, wait_s=self.clip_wait_s) as held:
                if held:
                    return self._look(principal, pieces, end_user)
            raise RateLimited(
                f"One clip of a key and {MAX_CLIP_CHECKS} clips in all are scanned at the same time.",
                retry_after_s=BUSY_RETRY_S,
            )
        return self._look(principal, pieces, end_user)

    def _look(
        self, principal: Principal, pieces: Sequence[ModerationInput], end_user: str | None
    ) -> tuple[ModerationResult, ...]:
        self.check_limiter.consume(principal, end_user, cost=len(pieces))
        groups: dict[int, list[ModerationInput]] = {}
        for piece in pieces:
            groups.setdefault(piece.group, []).append(piece)
        self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch, prefix="moderation-") as folder:
            return tuple(
                self._group(groups[number], Path(folder), principal.tenant) for number in sorted(groups)
            )

    def _group(self, pieces: Iterable[ModerationInput], folder: Path, tenant: str) -> ModerationResult:
        outcomes: list[tuple[InputKind, Iterable[Finding], Iterable[Cell]]] = []
        clip: StageResult | None = None
        for piece in pieces:
            match piece.kind:
                case InputKind.TEXT:
                    outcomes.append((piece.kind, *self._screen_text(piece)))
                case InputKind.IMAGE:
                    outcomes.append((piece.kind, *self._scan_image(piece, folder)))
                case InputKind.VIDEO:
                    clip = self._scan_clip(piece, folder, tenant)
                    outcomes.append((piece.kind, clip.findings, clip.coverage))
        return replace(to_omni_categories(outcomes), clip=clip)

    def _screen_text(self, piece: ModerationInput) -> tuple[tuple[Finding, ...], tuple[Cell, ...]]:
        report = self.pipeline.screen({"input": piece.value})
        return report.findings, report.cells

    def _scan_image(
        self, piece: ModerationInput, folder: Path
    ) -> tuple[tuple[Finding, ...], tuple[Cell, ...]]:
        path = self._fetch(piece, folder, max_bytes=MAX_PICTURE_BYTES)
        with _naming(piece):
            report = self.scanner.scan_image(path, field=piece.param)
        ocr = self.pipeline.screen_media_text(report.texts)
        # Text detectors count as applied to an image only if OCR found text in it.
        ocr_cells = tuple(cell for cell in ocr.cells if report.texts)
        return (*report.findings, *ocr.findings), (*report.coverage, *ocr_cells)

    def _scan_clip(self, piece: ModerationInput, folder: Path, tenant: str) -> StageResult:
        path = self._fetch(piece, folder, max_bytes=self.max_clip_bytes)
        with _naming(piece):
            result, _report = self.stages.scan_clip(path, self.policy_of(tenant), cancel=self.stopping)
        return result

    def _fetch(self, piece: ModerationInput, folder: Path, *, max_bytes: int) -> Path:
        path = folder / f"{len(list(folder.iterdir()))}"
        self.fetcher.fetch(piece.value, path, max_bytes=max_bytes, param=piece.param)
        if not media_type(path, piece.param).startswith(f"{piece.kind.value}/"):
            raise InvalidMedia(f"The file at this URL is not {_NOUNS[piece.kind]}.", param=piece.param)
        return path


@contextmanager
def _naming(piece: ModerationInput) -> Iterator[None]:
    """An `InvalidMedia` of a scan names the input."""
    try:
        yield
    except InvalidMedia as error:
        raise InvalidMedia(error.message, param=piece.param, remedy=error.remedy) from error


def to_omni_categories(
    outcomes: Iterable[tuple[InputKind, Iterable[Finding], Iterable[Cell]]],
) -> ModerationResult:
    """The scores of all inputs of a group together, in the categories of omni-moderation."""
    scored: list[tuple[str, float]] = []
    checked: dict[str, set[InputKind]] = {}
    threat = 0.0
    for kind, findings, cells in outcomes:
        for finding in findings:
            scored.append((finding.category, finding.score))
            if is_threat(finding):
                threat = max(threat, finding.score)
            checked.setdefault(finding.category, set()).add(kind)
        for cell in cells:
            if cell.ran and cell.complete and cell.modality in _MODALITIES[kind]:
                checked.setdefault(cell.category, set()).add(kind)
    ours = highest_scores(scored)
    parts_found = {**ours, THREAT: threat}
    return ModerationResult(
        scores={
            name: max(min(parts_found.get(part, 0.0) for part in parts) for parts in ways)
            for name, ways in MAPPING.items()
        },
        applied={
            name: tuple(
                kind
                for kind in InputKind
                if any(all(kind in checked.get(part, ()) for part in parts) for parts in ways)
            )
            for name, ways in MAPPING.items()
        },
        findings=dict(sorted(ours.items(), key=lambda item: -item[1])),
    )
