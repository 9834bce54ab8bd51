"""Things seen together with words that come close to harm: two signs that neither stops alone. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from safelight.policy.cross_modal import CROSS_MODAL, EvidenceChannel, evidence_channel
from safelight.policy.findings import Basis, Category, Finding, Modality

DETECTOR, VERSION = "signs", "1"
KIND = "object"
#: The score from which `starter` holds words of a category, where it is not `_HOLD_SCORE`. Beside a thing,
#: half of it counts.
_HOLD_SCORES: Mapping[str, float] = {Category.HARASSMENT: 0.7, Category.ILLICIT: 0.7}
_HOLD_SCORE, _COUNTED_SHARE = 0.5, 0.5
#: Lower than any other rule asks of composed findings, so that only the rule about things holds.
JOINT_SCORE = 0.25
_HURT = frozenset(
    {
        Category.VIOLENCE_ASSAULT,
        Category.VIOLENCE_MASS_ATTACK,
        Category.VIOLENCE_TORTURE,
        Category.CRUELTY_ANIMALS,
        Category.HARASSMENT,
    }
)
_OWN = frozenset({Category.SELF_HARM_ACT, Category.SELF_HARM_INSTRUCTIONS})
#: The words that each thing goes with. Violence of a genre and self-harm as a subject are not among them.
WORDS_OF_THING: Mapping[str, Collection[str]] = {
    "firearm": _HURT | _OWN,
    "heavy weapon": _HURT,
    "syringe": _OWN | {Category.ILLICIT},
}


def join_objects(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding for each category of words that go with a thing that the pictures show."""
    known = tuple(findings)
    things = [one for one in known if _is_thing(one)]
    joint: dict[str, tuple[Finding, Finding]] = {}
    for thing in things:
        goes_with = WORDS_OF_THING.get(str(thing.attributes.get("object")), ())
        for words in known:
            best = joint.get(words.category)
            if words.category not in goes_with or not _comes_close(words):
                continue
            if best is None or best[1].score < words.score:
                joint[words.category] = thing, words
    return tuple(_joined(thing, words) for thing, words in joint.values())


def find_things(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The names of the things that were recognized, each once."""
    return tuple(dict.fromkeys(str(one.attributes["object"]) for one in findings if _is_thing(one)))


def _is_thing(finding: Finding) -> bool:
    return finding.attributes.get("kind") == KIND and finding.basis is Basis.LEARNED


def _comes_close(finding: Finding) -> bool:
    channel = evidence_channel(finding)
    if channel in (None, EvidenceChannel.FRAMES) or finding.test_card:
        return False
    if any(finding.attributes.get(name) is True for name in ("negated", "rejected")):
        return False
    hold = max(
        _HOLD_SCORES.get(finding.category, _HOLD_SCORE),
        finding.point.score if finding.point is not None else 0.0,
    )
    return finding.score >= _COUNTED_SHARE * hold


def _joined(thing: Finding, words: Finding) -> Finding:
    seen = thing.attributes["object"]
    return Finding(
        category=words.category,
        score=JOINT_SCORE,
        modality=Modality.TEXT,
        detector=DETECTOR,
        version=VERSION,
        basis=Basis.COMPOSED,
        reason=f"A {seen} in the picture, and words that come close to harm: {words.reason}",
        evidence=(*thing.evidence, *words.evidence),
        attributes={"kind": KIND, "object": seen, "source": CROSS_MODAL, "cross_modal": True},
    )
