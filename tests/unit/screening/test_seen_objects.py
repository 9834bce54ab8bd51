from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.image.objects.detector import THINGS
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Basis, Finding, Modality, Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, Audience
from safelight.policy.waivers import EVERYTHING, WaiverTerms
from safelight.screening.evaluation import StageInput, StageResult, evaluate
from safelight.screening.seen_objects import WORDS_OF_THING, join_objects
from support.verdicts import seen

POLICIES = ("starter", "strict", "creative")
WAIVER = WaiverTerms(id="w", name="w", categories=(EVERYTHING,))


@cache
def tenant(policy: str, facts: frozenset[str]) -> TenantPolicy:
    return TenantPolicy(
        tenant="t", taxonomy=SHIPPED, policy=load(policy, SHIPPED), waivers=(WAIVER,), facts=facts
    )


def a_thing(name: str = "firearm", modality: str = "image") -> Finding:
    return seen("violence", 0.1, modality, basis=Basis.LEARNED, kind="object", object=name, certainty=0.9)


def an_act(score: float, category: str = "violence/assault", **attributes: bool) -> Finding:
    return seen(category, score, "text", basis=Basis.LEARNED, **attributes)


def judged(
    *findings: Finding,
    stage: Stage = Stage.REFERENCE,
    policy: str = "starter",
    audience: Audience = Audience.GENERAL,
    facts: frozenset[str] = frozenset(),
) -> StageResult:
    modality = Modality.FRAMES if stage is Stage.OUTPUT else Modality.IMAGE
    return evaluate(
        tenant(policy, facts),
        StageInput(
            stage=stage,
            subject_sha256="0" * 64,
            findings=findings,
            modalities=frozenset({modality}),
            audience=audience,
        ),
    )


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("name", WORDS_OF_THING)
def test_a_thing_alone_never_stops(policy: str, audience: Audience, name: str) -> None:
    for stage, modality in ((Stage.REFERENCE, "image"), (Stage.OUTPUT, "frames")):
        verdict = judged(a_thing(name, modality), stage=stage, policy=policy, audience=audience).verdict
        assert verdict.action is Action.ALLOW


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("stage", [Stage.REFERENCE, Stage.OUTPUT])
def test_a_thing_and_words_at_half_of_their_hold_are_held_and_not_blocked(policy: str, stage: Stage) -> None:
    assert judged(an_act(0.3), stage=stage, policy=policy).verdict.action is Action.ALLOW
    verdict = judged(a_thing(), an_act(0.3), stage=stage, policy=policy).verdict
    assert (verdict.action, verdict.rule) == (Action.HOLD, "to-5")


def test_every_thing_of_the_detector_has_its_words() -> None:
    assert WORDS_OF_THING.keys() == THINGS.keys()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("audience", Audience)
def test_no_joint_finding_fires_another_rule(policy: str, audience: Audience) -> None:
    for name, categories in WORDS_OF_THING.items():
        for category in categories:
            thing, words = a_thing(name), an_act(0.4, category)
            (joint,) = join_objects((thing, words))
            verdict = judged(joint, policy=policy, audience=audience).verdict
            assert (verdict.action, verdict.rule) == (Action.HOLD, "to-5"), (name, category)


@pytest.mark.parametrize("category", sorted(set().union(*WORDS_OF_THING.values())))
def test_words_count_from_half_of_the_score_from_which_starter_stops_them(category: str) -> None:
    def stops(score: float) -> bool:
        return judged(seen(category, score)).verdict.action is not Action.ALLOW

    def counts(score: float) -> bool:
        return any(join_objects((a_thing(name), an_act(score, category))) for name in WORDS_OF_THING)

    scores = [number / 100 for number in range(2, 101, 2)]
    assert min(filter(counts, scores)) == pytest.approx(min(filter(stops, scores)) / 2, abs=0.011)


def test_words_below_half_of_their_hold_do_not_count() -> None:
    assert judged(a_thing(), an_act(0.24)).verdict.action is Action.ALLOW
    assert judged(a_thing(), an_act(0.34, "harassment")).verdict.action is Action.ALLOW
    assert judged(a_thing(), an_act(0.36, "harassment")).verdict.action is Action.HOLD


@pytest.mark.parametrize(
    "words",
    [
        an_act(0.9, "violence"),
        an_act(0.45, negated=True),
        an_act(0.45, rejected=True),
        seen("violence/assault", 0.45, "image", basis=Basis.LEARNED),
    ],
    ids=["violence of a genre", "negated", "rejected", "another picture"],
)
def test_what_is_no_sign_of_harm_in_words_does_not_count(words: Finding) -> None:
    assert join_objects((a_thing(), words)) == ()


def test_a_syringe_goes_with_drugs_and_self_harm_and_not_with_a_beating() -> None:
    assert join_objects((a_thing("syringe"), an_act(0.45))) == ()
    assert len(join_objects((a_thing("syringe"), an_act(0.45, "self-harm/act")))) == 1


@pytest.mark.parametrize("fact", ["medical", "history", "news"])
def test_a_context_that_the_operator_set_lets_it_pass(fact: str) -> None:
    assert judged(a_thing(), an_act(0.3), facts=frozenset({fact})).verdict.action is Action.ALLOW


def test_the_joint_finding_has_the_evidence_of_both_and_says_what_was_seen() -> None:
    words = seen("violence/assault", 0.3, basis=Basis.LEARNED, span=(2, 9), reason="The act.")
    (joint,) = join_objects((a_thing(), words, an_act(0.27)))
    assert set(words.evidence) <= set(joint.evidence)
    assert "firearm" in joint.reason
    assert "The act." in joint.reason


@given(st.lists(st.tuples(st.sampled_from(["violence/assault", "hate", "illicit"]), st.floats(0, 1))))
def test_without_a_thing_nothing_is_joined(rows: list[tuple[str, float]]) -> None:
    assert join_objects(an_act(score, category) for category, score in rows) == ()
