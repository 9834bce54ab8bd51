"""Text pipeline: runs every text detector with a time limit, local ones first and remote ones beside each
other. A detector that fails leaves a gap in coverage.
"""

from __future__ import annotations

import copy
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import Literal, Protocol, TypeAlias, cast

from safelight.core.metrics import DETECTOR_TIMEOUTS, SCREENING_SECONDS
from safelight.core.tracing import child_span, record_child
from safelight.detectors.protocol import Abstained, MediaText, PartialInspection, TextContent, TextDetector
from safelight.policy.findings import (
    Category,
    Cell,
    Depth,
    Finding,
    Modality,
    suggests_sexual_minors,
)

from .chinese import is_mostly_chinese
from .guessed_views import readable_views
from .languages import SHORTEST, is_short
from .media_text import AssembledText, assemble_passages, join_lines
from .safety_card import CardDetector

#: Each detector with the texts that it reads.
_Work: TypeAlias = list[tuple[TextDetector, list[TextContent]]]
#: Sources of texts that were read from a file; the others are fields of a request.
_FILE_SOURCES = frozenset({"on_screen", "transcript", "tags"})
#: Most calls of one detector that may hang at the same time. With this number, the detector is skipped.
MAX_STUCK = 4
#: Least time limit in seconds for one call of a detector while word lists and models are being loaded. On a
#: busy machine the limit of a gateway is too short for it, and the text would count as not checked.
LOADING_S = 20.0
#: Time limit for all detectors, as a multiple of that for one.
_TOTAL = 1.5
#: Number of different outcomes of the detectors whose cells stay in memory.
_KEPT_CELLS = 64


class MultiFieldDetector(TextDetector, Protocol):
    """A text detector that inspects all fields of a request together instead of one by one."""

    def inspect_together(self, contents: Sequence[TextContent]) -> Iterable[Finding]: ...


@dataclass(frozen=True, kw_only=True)
class TextReport:
    """Findings of the text detectors, and the coverage cells that they filled."""

    findings: tuple[Finding, ...]
    #: Findings with too low a score to be recorded. They decide nothing but whether there may be help.
    unrecorded: tuple[Finding, ...]
    #: One cell per category that an installed detector checks in text.
    cells: tuple[Cell, ...]
    latency_ms: float
    #: Milliseconds per detector. For a detector that exceeded its time limit, this is the time limit.
    detector_ms: Mapping[str, float]


@dataclass
class _Run:
    """The record of one call of a detector. The worker thread fills it in."""

    findings: list[Finding] = field(default_factory=list)
    #: Findings with a score below `recorded_from` of the detector.
    unrecorded: list[Finding] = field(default_factory=list)
    note: str = ""
    #: Why the detector did not judge the text, or a part of it, although nothing failed; otherwise empty.
    abstained: str = ""
    done: bool = False
    started: float | None = None
    elapsed_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class _Limits:
    """Time limits for one text, in seconds of the clock of the pipeline."""

    one_s: float
    total_s: float
    deadline: float

    @property
    def late_note(self) -> str:
        return f"The {self.total_s:g} s for the whole text were over."


class TextPipeline:
    """Runs the text detectors on texts. Thread-safe. An error in a detector leaves a gap in coverage and
    is not raised.
    """

    def __init__(
        self,
        detectors: Iterable[TextDetector],
        *,
        budget_s: float = 2.0,
        total_s: float | None = None,
        loading_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        # Local detectors run first, because they decide whether a text may be sent to a server. Of these, the
        # cheap ones come first, so that only costly ones are skipped if the time is over.
        self.detectors = tuple(
            sorted(detectors, key=lambda one: (_is_remote(one), getattr(one, "costly", False)))
        )
        self._local_count = sum(not _is_remote(one) for one in self.detectors)
        #: Time limit in seconds for one call of a detector. After it, the call is abandoned and the
        #: detector's cells are incomplete.
        self.budget_s = budget_s
        #: Time limit in seconds for all detectors together. Detectors that have not started by then leave
        #: gaps in coverage.
        self.total_s = _TOTAL * budget_s if total_s is None else total_s
        #: The limit for local detectors, if it is longer, until a text in the same script has been inspected.
        self._loading_s = loading_s
        #: Whether the texts of which a first one was inspected are mostly Chinese.
        self._loaded: set[bool] = set() if loading_s > budget_s else {False, True}
        self._card_detectors = [detector for detector in self.detectors if isinstance(detector, CardDetector)]
        #: Number of abandoned calls that are still running, by the index of the detector.
        self._stuck: dict[int, int] = {}
        self._lock = threading.Lock()
        # Most texts have the same outcomes, and so the same cells.
        self._make_cells = lru_cache(maxsize=_KEPT_CELLS)(partial(_cells, self.detectors))
        #: Why no text may be sent to a server; empty if the local detectors decide it for each text.
        self.withheld = ""

    @cached_property
    def local(self) -> TextPipeline:
        """The detectors that send nothing to a server."""
        return TextPipeline(
            self.detectors[: self._local_count],
            budget_s=self.budget_s,
            total_s=self.total_s,
            loading_s=self._loading_s,
            clock=self._clock,
        )

    @property
    def has_remote(self) -> bool:
        return self._local_count < len(self.detectors)

    def withholding(self, why: str) -> TextPipeline:
        """This pipeline with a gap, and the reason `why`, in place of each remote detector."""
        withheld = copy.copy(self)
        withheld.withheld = why
        return withheld

    @property
    def points(self) -> Mapping[str, float]:
        """The lowest score of the operating points of each category that a classifier reports."""
        found: dict[str, float] = {}
        for detector in self.detectors:
            points: Mapping[str, float] = getattr(detector, "points", {})
            for category, score in points.items():
                found[category] = min(score, found.get(category, 1.0))
        return found

    def screen(self, fields: Mapping[str, str], *, negated: frozenset[str] = frozenset()) -> TextReport:
        """Findings and coverage for the texts of a request, given by field. Spans refer to the original
        text.

        Findings in `negated` fields have the attribute `negated`.
        """
        contents = [
            TextContent(field=name, text=text, views=readable_views(text), negated=name in negated)
            for name, text in fields.items()
            if text
        ]
        return self._inspect(contents)

    def screen_media_text(
        self, texts: Sequence[MediaText], source: Literal["on_screen", "transcript"] = "on_screen"
    ) -> TextReport:
        """Findings and coverage for OCR text or a transcript. Evidence is the time, and for OCR text also
        the place in the picture.

        Cells for a transcript have the modality audio.
        """
        is_transcript = source == "transcript"
        assembled = join_lines(texts) if is_transcript else assemble_passages(texts)
        contents = (
            [TextContent(field=source, text=assembled.text, views=readable_views(assembled.text))]
            if assembled.text
            else []
        )
        report = self._inspect(contents, Modality.AUDIO if is_transcript else Modality.TEXT)
        return TextReport(
            findings=tuple(_place(finding, assembled, source) for finding in report.findings),
            unrecorded=(),
            cells=report.cells,
            latency_ms=report.latency_ms,
            detector_ms=report.detector_ms,
        )

    def _inspect(self, contents: list[TextContent], modality: Modality = Modality.TEXT) -> TextReport:
        began = time.perf_counter()
        cleaned = list(contents)
        for card in self._card_detectors:
            cleaned = [card.blanked(content) for content in cleaned]
        work = [
            (detector, contents if isinstance(detector, CardDetector) else cleaned)
            for detector in self.detectors
        ]
        with SCREENING_SECONDS.time(), child_span("screen text") as span:
            runs = self._run_all(work)
            if span.is_recording():
                self._trace(runs)
        findings = _counted_findings(self.detectors, runs)
        return TextReport(
            findings=tuple(sorted(findings, key=lambda finding: -finding.score)),
            unrecorded=tuple(finding for run in runs for finding in run.unrecorded),
            cells=self._make_cells(
                tuple((run.note, run.abstained) for run in runs),
                modality,
                short=bool(contents) and all(map(_is_short, contents)),
            ),
            latency_ms=(time.perf_counter() - began) * 1000,
            detector_ms={
                detector.name: run.elapsed_s * 1000
                for detector, run in zip(self.detectors, runs, strict=True)
            },
        )

    def _trace(self, runs: Sequence[_Run]) -> None:
        """Record a part of the current span for each detector. Their threads have no current span."""
        now = self._clock()
        for detector, run in zip(self.detectors, runs, strict=True):
            if run.started is not None:
                record_child(
                    "detector",
                    ago_s=now - run.started,
                    lasted_s=run.elapsed_s,
                    detector=detector.name,
                    complete=not run.note,
                )

    def _run_all(self, work: _Work) -> list[_Run]:
        """Run the local detectors, then the remote ones if the text may be sent to a server."""
        runs = [_Run() for _ in work]
        scripts = self._unloaded_scripts(work)
        total_s = _TOTAL * self._loading_s if scripts else self.total_s
        limits = _Limits(
            one_s=self._loading_s if scripts else self.budget_s,
            total_s=total_s,
            deadline=self._clock() + total_s,
        )
        self._run_local(work[: self._local_count], runs, limits)
        self._loaded |= scripts
        if self.has_remote:
            self._run_remote(work, runs, limits)
        # An abandoned thread that finishes late changes only its own record, which is not read any more.
        return [
            run if run.done else _Run(note=run.note, done=True, started=run.started, elapsed_s=self.budget_s)
            for run in runs
        ]

    def _unloaded_scripts(self, work: _Work) -> set[bool]:
        """Of these texts, the scripts for which models may not be loaded yet."""
        if len(self._loaded) == 2 or not work:
            return set()
        return {is_mostly_chinese(content.text) for content in work[0][1]} - self._loaded

    def _run_local(self, work: _Work, runs: list[_Run], limits: _Limits) -> None:
        """Run detectors in order in one thread. If a detector hangs, a new thread continues with the next
        detector.
        """
        position = 0
        while position < len(work):
            changed = threading.Condition()
            self._start_thread(work, runs, position, changed)
            position = self._wait(work, runs, position, changed, limits)
            if self._clock() >= limits.deadline:
                for late in runs[position : len(work)]:
                    late.note = late.note or limits.late_note
                break

    def _run_remote(self, work: _Work, runs: list[_Run], limits: _Limits) -> None:
        """Run the remote detectors beside each other, so that the slowest does not add to the others.

        The records of the local detectors decide whether the text may be sent, and which detectors want it.
        """
        local = runs[: self._local_count]
        found = [finding for run in local for finding in run.findings]
        why = self.withheld or _reason_not_sent(self.detectors, local)
        if not why and self._clock() >= limits.deadline:
            why = limits.late_note
        asked: list[int] = []
        for index in range(self._local_count, len(work)):
            wants = getattr(work[index][0], "wants", None)
            if not why and (wants is None or wants(found)):
                asked.append(index)
            else:
                runs[index].note, runs[index].done = why, True
        limits = replace(
            limits, one_s=self.budget_s, deadline=min(limits.deadline, self._clock() + self.budget_s)
        )
        changed = threading.Condition()
        for index in asked:
            self._start_thread(work[: index + 1], runs, index, changed)
        for index in asked:
            self._wait(work[: index + 1], runs, index, changed, limits)

    def _start_thread(
        self,
        work: _Work,
        runs: list[_Run],
        first: int,
        changed: threading.Condition,
    ) -> None:
        threading.Thread(
            target=self._run_from, args=(work, runs, first, changed), name="safelight-text", daemon=True
        ).start()

    def _run_from(
        self,
        work: _Work,
        runs: list[_Run],
        first: int,
        changed: threading.Condition,
    ) -> None:
        for index in range(first, len(work)):
            detector, contents = work[index]
            run = runs[index]
            with changed:
                run.started = self._clock()
            with self._lock:
                stuck = self._stuck.get(index, 0) >= MAX_STUCK
            outcome = (
                _Run(note=f"{detector.name} is stuck in {MAX_STUCK} earlier texts.")
                if stuck
                else _run_detector(detector, contents)
            )
            with changed:
                if run.note:
                    # `_wait` abandoned this call, and a new thread has continued with the next
                    # detector.
                    with self._lock:
                        self._stuck[index] -= 1
                    return
                run.note, run.abstained = outcome.note, outcome.abstained
                run.findings, run.unrecorded = outcome.findings, outcome.unrecorded
                run.elapsed_s = self._clock() - run.started
                run.done = True
                if index + 1 == len(work):
                    # Only once: a thread that wakes for each detector costs more than most detectors do.
                    changed.notify_all()

    def _wait(
        self,
        work: _Work,
        runs: list[_Run],
        position: int,
        changed: threading.Condition,
        limits: _Limits,
    ) -> int:
        """Wait until all detectors are done or one exceeds its time limit; returns the index from which to
        continue.
        """
        with changed:
            while position < len(work):
                run = runs[position]
                if run.done:
                    position += 1
                else:
                    now = self._clock()
                    # A detector that has not started yet starts now at the latest.
                    started = now if run.started is None else run.started
                    left = min(started + limits.one_s, limits.deadline) - now
                    if left <= 0:
                        with self._lock:
                            self._stuck[position] = self._stuck.get(position, 0) + 1
                        run.note = f"{work[position][0].name} did not finish within its time."
                        DETECTOR_TIMEOUTS.add(work[position][0].name)
                        return position + 1
                    changed.wait(left)
        return position


def _is_remote(detector: TextDetector) -> bool:
    return bool(getattr(detector, "remote", False))


def _reason_not_sent(detectors: Sequence[TextDetector], runs: Sequence[_Run]) -> str:
    """Why the local detectors forbid to send the text to a server; empty if it may be sent."""
    if suggests_sexual_minors(finding for run in runs for finding in run.findings):
        return "Not sent to a server: the text may be sexual and about a minor."
    for detector, run in zip(detectors, runs, strict=False):
        if run.note and any(one.category == Category.SEXUAL_MINORS for one in detector.capabilities):
            return f"Not sent to a server: {detector.name} did not check whether it is about a minor."
    return ""


def _run_detector(detector: TextDetector, contents: list[TextContent]) -> _Run:
    """Run one detector. The note gives the reason for a gap in coverage, or is empty."""
    run = _Run()
    try:
        # Not `isinstance`: for a protocol it takes longer than most detectors need for a short text.
        if hasattr(detector, "inspect_together"):
            together = cast(MultiFieldDetector, detector)
            run.findings = [_check(finding) for finding in together.inspect_together(contents)]
        else:
            for content in contents:
                _inspect_content(detector, content, run)
    except Abstained as reason:
        run.abstained = f"{detector.name}: {reason}"
    except PartialInspection as part:
        run.note = f"{detector.name}: {part}"
    except BaseException as error:
        # `BaseException`, because a panic in a Rust library does not raise an `Exception`.
        run.note = f"{detector.name} failed: {type(error).__name__}: {error}".rstrip(": ") + "."
        run.findings, run.unrecorded = [], []
    return run


def _inspect_content(detector: TextDetector, content: TextContent, run: _Run) -> None:
    recorded_from = getattr(detector, "recorded_from", 0.0)
    try:
        for one in detector.inspect_text(content):
            finding = _add_attributes(_check(one), content)
            (run.findings if finding.score >= recorded_from else run.unrecorded).append(finding)
    except Abstained as reason:
        # The other fields are still judged, because each may have another language and length.
        run.abstained = f"{detector.name}: {reason}"


def _counted_findings(detectors: Sequence[TextDetector], runs: Sequence[_Run]) -> list[Finding]:
    """The findings of all runs, without those in whose place another detector judged the text."""
    judged = {
        detector.name
        for detector, run in zip(detectors, runs, strict=True)
        if not run.note and not run.abstained
    }
    found: list[Finding] = []
    for detector, run in zip(detectors, runs, strict=True):
        others: Mapping[str, str] = getattr(detector, "stands_in_for", {})
        found += [one for one in run.findings if not (one.point and others.get(one.point.language) in judged)]
    return found


def _check(finding: Finding) -> Finding:
    if not isinstance(finding, Finding):
        raise TypeError(f"it returned a {type(finding).__name__} as a finding")
    if not (math.isfinite(finding.score) and 0 <= finding.score <= 1):
        raise ValueError(f"it returned the score {finding.score!r}")
    return finding


def _add_attributes(finding: Finding, content: TextContent) -> Finding:
    attributes = {**finding.attributes, "source": content.field}
    if content.negated:
        attributes["negated"] = True
    if finding.point and finding.point.length == SHORTEST and not _is_short(content):
        attributes["excerpt"] = True
    return _replace(finding, attributes=attributes)


def _is_short(content: TextContent) -> bool:
    """Whether it is a whole field of a request with so few words that one classifier alone is no evidence."""
    return content.field not in _FILE_SOURCES and is_short(content.text)


def _place(finding: Finding, assembled: AssembledText, source: str) -> Finding:
    attributes = {**finding.attributes, "source": source}
    if source == "transcript":
        attributes["speech"] = True
    return _replace(
        finding,
        # OCR text keeps the modality text, because policy rules for images are about what the image depicts.
        modality=Modality.AUDIO if source == "transcript" else Modality.TEXT,
        evidence=assembled.locate(finding.evidence),
        attributes=attributes,
    )


def _replace(finding: Finding, **changes: object) -> Finding:
    import msgspec

    return msgspec.structs.replace(finding, **changes)


def _cells(
    detectors: Sequence[TextDetector],
    outcomes: tuple[tuple[str, str], ...],
    modality: Modality,
    *,
    short: bool,
) -> tuple[Cell, ...]:
    """The cells. `outcomes`: for each detector, the note of a gap and why it abstained; each may be empty."""
    by_category: dict[str, list[_Part]] = {}
    for detector, (note, abstained) in zip(detectors, outcomes, strict=True):
        for capability in detector.capabilities:
            # Detectors for text also check transcripts. Some other detectors check transcripts only.
            if capability.modality in (Modality.TEXT, modality):
                by_category.setdefault(capability.category, []).append(
                    _Part(detector=detector, note=note, abstained=abstained, measured=capability.measured)
                )
    return tuple(
        _cell(category, modality, parts, short=short) for category, parts in sorted(by_category.items())
    )


@dataclass(frozen=True, kw_only=True)
class _Part:
    """The outcome of one detector, as a part of the check of one category."""

    detector: TextDetector
    note: str
    abstained: str
    measured: str | None

    @property
    def is_learned(self) -> bool:
        return bool(getattr(self.detector, "learned", False))

    def counts_as_learned(self, *, short: bool) -> bool:
        """Whether its findings can count alone: those of a classifier do not in a short text."""
        return self.is_learned and not (short and getattr(self.detector, "points", None))


def _cell(category: str, modality: Modality, parts: Sequence[_Part], *, short: bool) -> Cell:
    judged = [part for part in parts if not part.note and not part.abstained]
    # A detector that abstained leaves no gap if another one judged all of the text.
    complete = bool(judged) and not any(part.note for part in parts)
    notes = [note for part in parts for note in (part.note, part.abstained) if note]
    by_classifier = any(part.is_learned for part in judged)
    return Cell(
        category=category,
        modality=modality,
        available=True,
        ran=bool(judged),
        complete=complete,
        detectors=tuple(part.detector.name for part in parts),
        note="" if complete and by_classifier else " ".join(dict.fromkeys(notes)),
        measured=next((part.measured for part in parts if part.measured), None),
        depth=Depth.LEARNED if any(part.counts_as_learned(short=short) for part in judged) else Depth.LISTS,
    )
