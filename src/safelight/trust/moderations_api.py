"""`POST /v1/moderations`: scores texts and images in the thirteen categories of omni-moderation.

The policy is not evaluated; the scores come directly from the detectors. A category without an installed
detector has the score 0 and an empty list of applied input types. This distinguishes "not checked" from
"nothing found".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from safelight.detectors.text.pipeline import TextPipeline
from safelight.errors import InvalidMedia
from safelight.moderation.reference import media_type
from safelight.net.fetch import Fetcher
from safelight.policy.findings import Cell, Finding, Modality, highest_scores
from safelight.scanning.service import Scanner
from safelight.trust.accounts import Principal

#: A category with at least this score is flagged.
MIN_FLAGGED_SCORE = 0.5
MAX_PICTURE_BYTES = 20 << 20

#: The categories of omni-moderation. Each has alternative sets of our categories; a set counts only if all of
#: its categories are found.
MAPPING: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "harassment": (("harassment",),),
    "harassment/threatening": (("harassment", "violence"),),
    "hate": (("hate",), ("hate/symbols",)),
    "hate/threatening": (("hate", "violence"),),
    "illicit": (("illicit",),),
    "illicit/violent": (("illicit", "violence"), ("extremism",)),
    "self-harm": (("self-harm",), ("self-harm/intent",), ("self-harm/instructions",)),
    "self-harm/intent": (("self-harm/intent",),),
    "self-harm/instructions": (("self-harm/instructions",),),
    "sexual": (("sexual",), ("ncii",)),
    "sexual/minors": (("sexual/minors",), ("sexual", "minors-present")),
    "violence": (("violence",), ("violence/graphic",)),
    "violence/graphic": (("violence/graphic",),),
}


class InputKind(StrEnum):
    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, kw_only=True)
class ModerationInput:
    """One text, or the URL of one image. Inputs with the same `group` share one result."""

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
    #: Counts the inputs against the check limits. Raises `CheckLimitExceeded`.
    spend: Callable[[Principal, str | None, int], None]

    def look(
        self, principal: Principal, pieces: Sequence[ModerationInput], *, end_user: str | None = None
    ) -> tuple[ModerationResult, ...]:
        """Score all inputs. Returns the result of each group, in order. Each input counts as one check.

        Raises `CheckLimitExceeded`, and `InvalidMedia` or `RefusedAddress` for an unusable image.
        """
        self.spend(principal, end_user, len(pieces))
        groups: dict[int, list[ModerationInput]] = {}
        for piece in pieces:
            groups.setdefault(piece.group, []).append(piece)
        self.scratch.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch, prefix="moderation-") as folder:
            return tuple(self._group(groups[number], Path(folder)) for number in sorted(groups))

    def _group(self, pieces: Iterable[ModerationInput], folder: Path) -> ModerationResult:
        outcomes = [
            (
                piece.kind,
                *(
                    self._screen_text(piece)
                    if piece.kind is InputKind.TEXT
                    else self._scan_image(piece, folder)
                ),
            )
            for piece in pieces
        ]
        return to_omni_categories(outcomes)

    def _screen_text(self, piece: ModerationInput) -> tuple[tuple[Finding, ...], tuple[Cell, ...]]:
        report = self.pipeline.screen({"input": piece.value})
        return report.findings, report.cells

    def _scan_image(
        self, piece: ModerationInput, folder: Path
    ) -> tuple[tuple[Finding, ...], tuple[Cell, ...]]:
        path = folder / f"{len(list(folder.iterdir()))}"
        self.fetcher.fetch(piece.value, path, max_bytes=MAX_PICTURE_BYTES, param=piece.param)
        if not media_type(path, piece.param).startswith("image/"):
            raise InvalidMedia("The file at this URL is not an image.", param=piece.param)
        try:
            report = self.scanner.scan_image(path, field=piece.param)
        except InvalidMedia as error:
            raise InvalidMedia(error.message, param=piece.param, remedy=error.remedy) from error
        ocr = self.pipeline.screen_media_text(report.texts)
        # Text detectors count as applied to an image only if OCR found text in it.
        ocr_cells = tuple(cell for cell in ocr.cells if report.texts)
        return (*report.findings, *ocr.findings), (*report.coverage, *ocr_cells)


def to_omni_categories(
    outcomes: Iterable[tuple[InputKind, Iterable[Finding], Iterable[Cell]]],
) -> ModerationResult:
    """The scores of all inputs of a group together, in the categories of omni-moderation."""
    scored: list[tuple[str, float]] = []
    checked: dict[str, set[InputKind]] = {}
    for kind, findings, cells in outcomes:
        for finding in findings:
            scored.append((finding.category, finding.score))
            checked.setdefault(finding.category, set()).add(kind)
        for cell in cells:
            if cell.ran and cell.complete and cell.modality in (Modality.TEXT, Modality.IMAGE):
                checked.setdefault(cell.category, set()).add(kind)
    ours = highest_scores(scored)
    return ModerationResult(
        scores={
            name: max(min(ours.get(part, 0.0) for part in parts) for parts in ways)
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
