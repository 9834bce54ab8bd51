"""Per-frame findings joined into segments: one finding for one stretch of frames. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from safelight.policy.findings import Attribute, Finding, FrameRange, ImageBox, Modality


@dataclass(frozen=True, kw_only=True)
class Look:
    """One frame a detector was shown: its number, when it starts and when the next one does."""

    frame: int
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one detector saw of one kind in the frame of its `look`-th call."""

    look: int
    #: The strongest finding of the kind in the frame, and how many there were.
    finding: Finding
    count: int


#: Part of the peak score that still belongs to the same segment; weaker ends are segments of their own.
_EDGE = 0.5


def join(findings: Sequence[tuple[int, Finding]], looks: Sequence[Look], *, bridge: int) -> list[Finding]:
    """Findings of one detector, each with the number of the call it came from, as segments.

    A segment holds together across at most `bridge` calls without a finding of its kind. Its score is
    its peak's; `frames` counts the frames within half of that. In order of first frame.
    """
    kinds: dict[tuple[str, str, bool], dict[int, list[Finding]]] = {}
    for look, finding in findings:
        kind = (finding.category, str(finding.attributes.get("kind", "")), finding.test_card)
        kinds.setdefault(kind, {}).setdefault(look, []).append(finding)
    segments = []
    for by_look in kinds.values():
        seen = [
            Observation(look=look, finding=max(same, key=lambda one: one.score), count=len(same))
            for look, same in sorted(by_look.items())
        ]
        for run in _runs(seen, bridge):
            segments += [_segment(core, looks) for core in _cores(run)]
    return sorted(segments, key=_first)


def _runs(seen: Sequence[Observation], bridge: int) -> Iterable[list[Observation]]:
    breaks = [0] + [int(later.look - earlier.look > bridge + 1) for earlier, later in pairwise(seen)]
    group, numbered = 0, []
    for observation, is_break in zip(seen, breaks, strict=True):
        group += is_break
        numbered.append((group, observation))
    for _, members in groupby(numbered, key=lambda pair: pair[0]):
        yield [observation for _, observation in members]


def _cores(run: list[Observation]) -> list[list[Observation]]:
    """The run cut into stretches that begin and end at no less than half of their own peak."""
    todo, cores = [run], []
    while todo:
        part = todo.pop()
        if not part:
            continue
        least = max(observation.finding.score for observation in part) * _EDGE
        strong = [place for place, observation in enumerate(part) if observation.finding.score >= least]
        cores.append(part[strong[0] : strong[-1] + 1])
        todo += [part[: strong[0]], part[strong[-1] + 1 :]]
    return cores


def _segment(core: list[Observation], looks: Sequence[Look]) -> Finding:
    peak = max(core, key=lambda observation: observation.finding.score)
    least = peak.finding.score * _EDGE
    first, last = looks[core[0].look], looks[core[-1].look]
    box = next((one for one in peak.finding.evidence if isinstance(one, ImageBox)), None)
    others = tuple(one for one in peak.finding.evidence if not isinstance(one, ImageBox))
    attributes: dict[str, Attribute] = dict(peak.finding.attributes)
    areas = [area for one in core if isinstance(area := one.finding.attributes.get("area"), float | int)]
    if areas:
        attributes["area"] = max(areas)
    attributes["frames"] = sum(observation.finding.score >= least for observation in core)
    attributes["count"] = max(observation.count for observation in core)
    attributes["duration_s"] = round(last.end_s - first.start_s, 4)
    return Finding(
        category=peak.finding.category,
        score=peak.finding.score,
        modality=Modality.FRAMES,
        detector=peak.finding.detector,
        version=peak.finding.version,
        reason=peak.finding.reason,
        evidence=(
            FrameRange(
                first=first.frame,
                last=last.frame,
                start_s=round(first.start_s, 4),
                end_s=round(last.end_s, 4),
                peak=looks[peak.look].frame,
                box=box,
            ),
            *others,
        ),
        attributes=attributes,
        test_card=peak.finding.test_card,
    )


def _first(finding: Finding) -> tuple[int, int, str]:
    where = finding.evidence[0]
    return (where.first, where.last, finding.category) if isinstance(where, FrameRange) else (0, 0, "")
