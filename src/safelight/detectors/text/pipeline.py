"""The text pipeline: every text through every detector, with a budget each; what fails leaves a hole."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

from safelight.detectors.protocol import MediaText, PartialInspection, TextContent, TextDetector
from safelight.policy.coverage import Cell
from safelight.policy.findings import Finding, Modality

from .media_text import AssembledText, assemble_passages, join_lines
from .normalise import views
from .safety_card import CardDetector

#: Calls of one detector that may be stuck at a time before it is no longer tried.
MAX_STUCK = 4


@runtime_checkable
class JointTextDetector(TextDetector, Protocol):
    """A text detector that looks at all fields of a request at once instead of one by one."""

    def inspect_together(self, contents: Sequence[TextContent]) -> Iterable[Finding]: ...


@dataclass(frozen=True, kw_only=True)
class TextReport:
    """What the text detectors saw, and what they really looked at."""

    findings: tuple[Finding, ...]
    #: One per category that some installed detector checks in text.
    cells: tuple[Cell, ...]
    latency_ms: float
    #: Milliseconds per detector; one that was abandoned has its budget.
    detector_ms: Mapping[str, float]


@dataclass
class _Run:
    """One detector's turn, filled in by the working thread."""

    findings: list[Finding] = field(default_factory=list)
    note: str = ""
    done: bool = False
    started: float | None = None
    elapsed_s: float = 0.0


class TextPipeline:
    """Screens texts. Safe to call from several threads; never raises for what a detector does."""

    def __init__(
        self,
        detectors: Iterable[TextDetector],
        *,
        budget_s: float = 2.0,
        total_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        # The cheap before the costly, so that what runs out of time is what costs most.
        self.detectors = tuple(sorted(detectors, key=lambda one: getattr(one, "costly", False)))
        #: Seconds each detector gets for one call; then it is abandoned and its cells stay incomplete.
        self.budget_s = budget_s
        #: Seconds all of them get together; what has not begun by then is a hole, too.
        self.total_s = 1.5 * budget_s if total_s is None else total_s
        self._cards = [detector for detector in self.detectors if isinstance(detector, CardDetector)]
        #: By detector, calls that were given up on and still run.
        self._stuck: dict[int, int] = {}
        self._lock = threading.Lock()

    def screen(self, fields: Mapping[str, str], *, negated: frozenset[str] = frozenset()) -> TextReport:
        """Findings and coverage for the texts of a request by field; spans are in the text as typed.

        Findings from `negated` fields carry the attribute `negated`.
        """
        contents = [
            TextContent(field=name, text=text, views=views(text), negated=name in negated)
            for name, text in fields.items()
            if text
        ]
        return self._inspect(contents)

    def screen_media_text(
        self, texts: Sequence[MediaText], source: Literal["on_screen", "transcript"] = "on_screen"
    ) -> TextReport:
        """The same for words read from media; evidence says when, and where in the picture, they were.

        Cells of a transcript are of the sound.
        """
        heard = source == "transcript"
        reading = join_lines(texts) if heard else assemble_passages(texts)
        contents = (
            [TextContent(field=source, text=reading.text, views=views(reading.text))] if reading.text else []
        )
        report = self._inspect(contents, Modality.AUDIO if heard else Modality.TEXT)
        return TextReport(
            findings=tuple(_placed(finding, reading, source) for finding in report.findings),
            cells=report.cells,
            latency_ms=report.latency_ms,
            detector_ms=report.detector_ms,
        )

    def _inspect(self, contents: list[TextContent], modality: Modality = Modality.TEXT) -> TextReport:
        began = time.perf_counter()
        cleaned = list(contents)
        for card in self._cards:
            cleaned = [card.blanked(content) for content in cleaned]
        work = [
            (detector, contents if isinstance(detector, CardDetector) else cleaned)
            for detector in self.detectors
        ]
        runs = self._run_all(work)
        findings = [finding for run in runs for finding in run.findings]
        return TextReport(
            findings=tuple(sorted(findings, key=lambda finding: -finding.score)),
            cells=_cells(self.detectors, runs, modality),
            latency_ms=(time.perf_counter() - began) * 1000,
            detector_ms={
                detector.name: run.elapsed_s * 1000
                for detector, run in zip(self.detectors, runs, strict=True)
            },
        )

    def _run_all(self, work: list[tuple[TextDetector, list[TextContent]]]) -> list[_Run]:
        """One thread takes the detectors in turn; where it gets stuck another goes on from the next."""
        runs = [_Run() for _ in work]
        deadline = self._clock() + self.total_s
        position = 0
        while position < len(work):
            turn = threading.Condition()
            threading.Thread(
                target=self._work, args=(work, runs, position, turn), name="safelight-text", daemon=True
            ).start()
            position = self._watch(work, runs, position, turn, deadline)
            if self._clock() >= deadline:
                for late in runs[position:]:
                    late.note = late.note or f"The {self.total_s:g} s for the whole text were over."
                break
        # A thread that comes back late writes into its own record, which nobody reads any more.
        return [run if run.done else _Run(note=run.note, done=True, elapsed_s=self.budget_s) for run in runs]

    def _work(
        self,
        work: list[tuple[TextDetector, list[TextContent]]],
        runs: list[_Run],
        first: int,
        turn: threading.Condition,
    ) -> None:
        for index in range(first, len(work)):
            detector, contents = work[index]
            run = runs[index]
            with turn:
                run.started = self._clock()
                turn.notify_all()
            with self._lock:
                stuck = self._stuck.get(index, 0) >= MAX_STUCK
            note, found = (
                (f"{detector.name} is stuck in {MAX_STUCK} earlier texts.", [])
                if stuck
                else _look(detector, contents)
            )
            with turn:
                if run.note:
                    # Given up on: somebody else has gone on from here.
                    with self._lock:
                        self._stuck[index] -= 1
                    return
                run.note, run.findings = note, found
                run.elapsed_s = self._clock() - run.started
                run.done = True
                turn.notify_all()

    def _watch(
        self,
        work: list[tuple[TextDetector, list[TextContent]]],
        runs: list[_Run],
        position: int,
        turn: threading.Condition,
        deadline: float,
    ) -> int:
        """Wait until all is done or one detector is over its budget; the index to go on from."""
        with turn:
            while position < len(work):
                run = runs[position]
                if run.done:
                    position += 1
                elif run.started is None:
                    turn.wait()
                else:
                    left = min(run.started + self.budget_s, deadline) - self._clock()
                    if left <= 0:
                        with self._lock:
                            self._stuck[position] = self._stuck.get(position, 0) + 1
                        run.note = f"{work[position][0].name} did not finish within its time."
                        return position + 1
                    turn.wait(left)
        return position


def _look(detector: TextDetector, contents: list[TextContent]) -> tuple[str, list[Finding]]:
    """What one detector says, or why its word cannot be used."""
    found: list[Finding] = []
    try:
        if isinstance(detector, JointTextDetector):
            found = [_checked(finding) for finding in detector.inspect_together(contents)]
        else:
            for content in contents:
                for one in detector.inspect_text(content):
                    found.append(_attributed(_checked(one), content))
    except PartialInspection as part:
        return f"{detector.name}: {part}", found
    except BaseException as error:
        # A panic in a library written in Rust is no `Exception`.
        return f"{detector.name} failed: {type(error).__name__}: {error}".rstrip(": ") + ".", []
    return "", found


def _checked(finding: Finding) -> Finding:
    if not isinstance(finding, Finding):
        raise TypeError(f"it gave a {type(finding).__name__} as a finding")
    if not (math.isfinite(finding.score) and 0 <= finding.score <= 1):
        raise ValueError(f"it gave the score {finding.score!r}")
    return finding


def _attributed(finding: Finding, content: TextContent) -> Finding:
    attributes = {**finding.attributes, "source": content.field}
    if content.negated:
        attributes["negated"] = True
    return _replaced(finding, attributes=attributes)


def _placed(finding: Finding, reading: AssembledText, source: str) -> Finding:
    attributes = {**finding.attributes, "source": source}
    if source == "transcript":
        attributes["speech"] = True
    return _replaced(
        finding,
        # Words on the screen stay words: rules on pictures are about what is depicted.
        modality=Modality.AUDIO if source == "transcript" else Modality.TEXT,
        evidence=reading.places(finding.evidence),
        attributes=attributes,
    )


def _replaced(finding: Finding, **changes: object) -> Finding:
    import msgspec

    return msgspec.structs.replace(finding, **changes)


def _cells(detectors: Sequence[TextDetector], runs: Sequence[_Run], modality: Modality) -> tuple[Cell, ...]:
    by_category: dict[str, list[tuple[str, str, str | None]]] = {}
    for detector, run in zip(detectors, runs, strict=True):
        for capability in detector.capabilities:
            # Words that are heard are words; some detectors read nothing but those.
            if capability.modality in (Modality.TEXT, modality):
                by_category.setdefault(capability.category, []).append(
                    (detector.name, run.note, capability.measured)
                )
    return tuple(
        Cell(
            category=category,
            modality=modality,
            available=True,
            ran=any(not note for _name, note, _measured in rows),
            complete=all(not note for _name, note, _measured in rows),
            detectors=tuple(name for name, _note, _measured in rows),
            note=" ".join(dict.fromkeys(note for _name, note, _measured in rows if note)),
            measured=next((measured for _name, _note, measured in rows if measured), None),
        )
        for category, rows in sorted(by_category.items())
    )
