"""The red team over clips: each attack on each payload and its twin, scanned like generated clips."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from safelight.core.errors import BadInput
from safelight.core.fileio import sha256_file
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.pipeline import Stages
from safelight.screening.reference import ReferenceInput
from safelight_lab.evaluation.assessments import deciding_category
from safelight_lab.evaluation.suite.cache import Cache, Decision, hash_of_code

from .media_clip import MediaAttack, MediaClip, Medium, choose_attacks, write_clip, write_picture, write_sheet
from .payloads import Payload

#: Attacks that show the payload in some frames, or its parts one after the other: one frame does not have it.
_FAMILIES_OF_SEVERAL_FRAMES = ("short", "time")
#: Of a clip that is attacked for its first frame: the fewest frames for which the attacks are made.
_MIN_FRAMES = 12


class Outcome(StrEnum):
    STOPPED = "stopped"
    PASSED = "passed"
    #: A detector failed, was late or could not inspect everything, and no finding stopped the clip.
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, kw_only=True)
class ClipDecision(Decision):
    """What the stage decided about one file."""

    #: Findings decided, not only gaps in coverage.
    found: bool = False
    #: No detector failed, was late or left something out.
    checked: bool = True

    def outcome(self, labelled: str) -> Outcome:
        """The outcome for a payload; `labelled`: the category of which a label counts as a stop."""
        is_labelled = bool(labelled) and (self.action, self.category) == (Action.LABEL, labelled)
        if self.found and (self.stopped or is_labelled):
            return Outcome.STOPPED
        if not self.checked or self.held:
            return Outcome.NOT_CHECKED
        return Outcome.PASSED

    @property
    def held(self) -> bool:
        """Whether the clip waits for a person only because something was not checked."""
        return self.action == Action.HOLD and not self.found


@dataclass(frozen=True, kw_only=True)
class AttackRow:
    """The result of one attack on one payload and its twin."""

    payload: str
    medium: Medium
    family: str
    attack: str
    outcome: Outcome
    twin: Outcome
    #: The stop of the payload has another category than that of its plain form.
    other_reason: bool
    #: Held because the payload was not checked.
    held: bool


@dataclass(frozen=True, kw_only=True)
class PlainRow:
    """The result of a payload without an attack. It counts only if it is stopped and its twin passes."""

    payload: str
    medium: Medium
    outcome: Outcome
    twin: Outcome
    category: str

    @property
    def counts(self) -> bool:
        return self.outcome is Outcome.STOPPED and self.twin is Outcome.PASSED


@dataclass(frozen=True, kw_only=True)
class MediaResults:
    plain: list[PlainRow] = field(default_factory=list)
    rows: list[AttackRow] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class MediaRun:
    """Attacks payloads and decides about each file with the stages of an installation."""

    stages: Stages
    policy: TenantPolicy
    payloads: Sequence[Payload]
    attacks: Sequence[MediaAttack]
    #: At most so many attacks of each medium; None: all.
    count: int | None
    seed: int
    #: What the decisions depend on besides the code, the policy and the file: detectors, enrolled content.
    judge: tuple[str, ...]
    #: The folder of finished decisions.
    folder: Path
    #: The folder for what passed, for a person; None: it is not written.
    sheets: Path | None = None
    #: Also attacks payloads that do not count in their plain form, so that every run has the same files.
    attack_all: bool = False

    @property
    def total(self) -> int:
        """The most files that are decided about."""
        return sum(2 + 2 * len(self._chosen(medium)) for _payload, medium in self._cells())

    def run(self, *, observe: Callable[[], None] = lambda: None) -> MediaResults:
        """Decisions of an earlier run are read from the folder. `observe` is called after each file."""
        results = MediaResults()
        judges = ("redteam-clips", self.policy.policy.sha256, *self.judge, hash_of_code())
        with (
            Cache(self.folder, *judges, kind=ClipDecision) as cache,
            tempfile.TemporaryDirectory() as scratch,
        ):
            judge = _FileJudge(run=self, cache=cache, scratch=Path(scratch), observe=observe)
            for payload, medium in self._cells():
                harmful, twin = payload.harmful(), payload.twin()
                if medium is Medium.PICTURE:
                    harmful, twin = (MediaClip(frames=one.frames[:_MIN_FRAMES]) for one in (harmful, twin))
                plain, plain_twin = judge.decide(harmful, medium), judge.decide(twin, medium)
                row = PlainRow(
                    payload=payload.name,
                    medium=medium,
                    outcome=plain.outcome(payload.labelled),
                    twin=plain_twin.outcome(payload.labelled),
                    category=plain.category,
                )
                results.plain.append(row)
                if row.counts or self.attack_all:
                    for attack in self._chosen(medium):
                        clips = (attack.run(harmful, self.seed), attack.run(twin, self.seed))
                        if medium is Medium.PICTURE and np.array_equal(
                            clips[0].frames[0], clips[1].frames[0]
                        ):
                            continue  # nothing of the payload is in this frame
                        results.rows.append(self._attack(judge, payload, row, attack, clips))
        return results

    def _attack(
        self,
        judge: _FileJudge,
        payload: Payload,
        plain: PlainRow,
        attack: MediaAttack,
        clips: tuple[MediaClip, MediaClip],
    ) -> AttackRow:
        decision, twin = (judge.decide(clip, plain.medium) for clip in clips)
        outcome = decision.outcome(payload.labelled)
        if outcome is Outcome.PASSED and self.sheets is not None:
            name = f"{plain.medium}-{payload.name}-{attack.name}"
            write_sheet(clips[0], self.sheets / name, plain.medium)
        return AttackRow(
            payload=payload.name,
            medium=plain.medium,
            family=attack.family,
            attack=attack.name,
            outcome=outcome,
            twin=twin.outcome(payload.labelled),
            other_reason=outcome is Outcome.STOPPED and decision.category != plain.category,
            held=outcome is Outcome.NOT_CHECKED and decision.held,
        )

    def _cells(self) -> Iterator[tuple[Payload, Medium]]:
        for payload in self.payloads:
            yield payload, payload.medium
            if payload.as_picture:
                yield payload, Medium.PICTURE

    def _chosen(self, medium: Medium) -> list[MediaAttack]:
        wanted = Medium.SOUND if medium is Medium.SOUND else Medium.VIDEO
        left_out = _FAMILIES_OF_SEVERAL_FRAMES if medium is Medium.PICTURE else ()
        fit = [one for one in self.attacks if one.medium is wanted and one.family not in left_out]
        return choose_attacks(fit, self.count, self.seed)


@dataclass(frozen=True, kw_only=True)
class _FileJudge:
    """Writes a file, and reads or makes the decision about it."""

    run: MediaRun
    cache: Cache[ClipDecision]
    scratch: Path
    observe: Callable[[], None]

    def decide(self, clip: MediaClip, medium: Medium) -> ClipDecision:
        if medium is Medium.PICTURE:
            path = write_picture(clip, self.scratch / "picture.png")
        else:
            path = write_clip(clip, self.scratch / "clip.mp4")
        sha256 = sha256_file(path)
        if (known := self.cache.decisions.get(sha256)) is None:
            known = self._screen(path, sha256, medium)
            # A file that was not checked is tried again by the next run, unless a finding decided anyway.
            if known.checked or (known.found and known.stopped):
                self.cache.put(sha256, known)
        self.observe()
        return known

    def _screen(self, path: Path, sha256: str, medium: Medium) -> ClipDecision:
        context = ScreeningContext(policy=self.run.policy)
        try:
            if medium is Medium.PICTURE:
                picture = ReferenceInput.of(path, "input_reference")
                result = self.run.stages.reference.screen([picture], context)
                facts = result.details["references"][0]
            else:
                result, _report = self.run.stages.output.scan(path, context, subject_sha256=sha256)
                facts = result.details
        except BadInput:
            return ClipDecision(action="unreadable", checked=False)
        return _decision(result, facts)


def _decision(result: StageResult, facts: Mapping[str, Any]) -> ClipDecision:
    runs = facts.get("runs", ())
    return ClipDecision(
        action=result.verdict.action.value,
        category=deciding_category(result.verdict),
        found=bool(result.verdict.findings),
        checked=not facts.get("failure") and all(one["complete"] or one["idle"] for one in runs),
    )
