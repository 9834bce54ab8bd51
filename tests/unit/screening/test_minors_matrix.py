"""Sexual findings and signs of minors in text, picture and output: vaulted, quarantined or let through.

The words are markers: nothing here says or shows anything.
"""

from __future__ import annotations

import pytest

from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Cell, Coverage, Finding, FrameRange, ImageBox, Modality, Stage
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, Verdict, WaiverTerms
from safelight.screening.evaluation import ScreeningContext, StageInput, evaluate
from safelight.screening.output import OutputStage
from safelight.screening.prompt import PromptStage
from safelight.screening.scanning.report import DetectorRun, ScanReport
from safelight.screening.scanning.service import Scanner
from safelight.screening.scene_detection import reason_not_sent
from safelight.testing.detectors import text_marker
from support.rows import each_row
from support.verdicts import checked_cell
from support.verdicts import seen as found

ALL = WaiverTerms(id="waiver_1", name="tests", categories=("*",))
SEXUAL, MINOR = "MARK-A", "MARK-B"
READER = DetectorRun(name="ocr", ran=True, complete=True, reads=True)


def tenant_policy(policy: str = "starter") -> TenantPolicy:
    return TenantPolicy(tenant="t", taxonomy=SHIPPED, policy=load(policy, SHIPPED), waivers=(ALL,))


def pipeline() -> TextPipeline:
    plugins = (
        text_marker(word=SEXUAL, category="sexual", score=0.9),
        text_marker(word=MINOR, category="minors-present", score=0.9),
    )
    return TextPipeline([plugin.load({}) for plugin in plugins], budget_s=20)  # type: ignore[misc]


def seen(category: str, modality: Modality) -> Finding:
    where = ImageBox(x=0.1, y=0.1, w=0.5, h=0.5)
    span = FrameRange(first=0, last=20, start_s=0.0, end_s=1.0, peak=3, box=where)
    place = span if modality is Modality.FRAMES else where
    return found(category, 0.9, modality, evidence=(place,), frames=21, area=0.25)


def cells(modality: Modality, *, age: bool) -> list[Cell]:
    checked = ["sexual", *(["sexual/minors", "minors-present"] if age else [])]
    return [checked_cell(one, modality, detectors=("d",)) for one in checked]


def asked(words: str) -> Verdict:
    return PromptStage(pipeline=pipeline()).screen({"prompt": words}, tenant_policy()).verdict


def reference(categories: tuple[str, ...], *, age: bool) -> Verdict:
    return evaluated(tenant_policy(), Stage.REFERENCE, Modality.IMAGE, categories, age=age)


def evaluated(
    policy: TenantPolicy, stage: Stage, modality: Modality, categories: tuple[str, ...], *, age: bool
) -> Verdict:
    given = StageInput(
        stage=stage,
        subject_sha256="0" * 64,
        findings=tuple(seen(one, modality) for one in categories),
        coverage=tuple(cells(modality, age=age)),
        modalities=frozenset({modality}),
    )
    return evaluate(policy, given).verdict


def output(shown: tuple[str, ...], words: str, *, age: bool) -> tuple[Verdict, tuple[Finding, ...]]:
    stage = OutputStage(scanner=_no_scanner(), pipeline=pipeline())
    texts, policy = {"prompt": words}, tenant_policy()
    prior = PromptStage(pipeline=pipeline()).screen(texts, policy).findings
    report = ScanReport(
        findings=tuple(seen(one, Modality.FRAMES) for one in shown),
        coverage=Coverage(cells=tuple(cells(Modality.FRAMES, age=age))),
        runs=(READER,),
    )
    context = ScreeningContext(policy=policy, texts=texts, prior=prior)
    judged, _report = stage.evaluate_report(report, context, subject_sha256="0" * 64)
    return judged.verdict, judged.findings


def _no_scanner() -> Scanner:
    from safelight.media.sandbox.sandbox import Sandbox

    return Scanner(Sandbox(), ())


@each_row
def test_a_prompt_with_both_signs_is_vaulted(words: str, vault: bool, action: Action) -> None:
    verdict = asked(words)
    assert (verdict.vault, verdict.action) == (vault, action)


@each_row
def test_a_reference_by_sign_and_by_whether_age_was_checked(shown: tuple[str, ...], age: bool) -> None:
    verdict = reference(shown, age=age)
    both = "sexual/minors" in shown or {"sexual", "minors-present"} <= set(shown)
    assert verdict.vault is both
    assert verdict.quarantine is (shown == ("sexual",) and not age)
    assert (verdict.action is Action.BLOCK) is ("sexual" in shown or both)
    if both or verdict.quarantine:
        assert reason_not_sent(verdict, verdict.findings).startswith("Not sent to a server")


@each_row
def test_an_output_by_picture_prompt_and_whether_age_was_checked(
    shown: tuple[str, ...], words: str, age: bool
) -> None:
    verdict, findings = output(shown, words, age=age)
    sexual = "sexual" in shown or SEXUAL in words
    minor = "minors-present" in shown or MINOR in words
    both = "sexual/minors" in shown or (sexual and minor)
    assert verdict.vault is both
    assert verdict.quarantine is (sexual and not both and not age)
    assert (verdict.action is Action.ALLOW) is (not sexual and not both)
    if both or verdict.quarantine:
        assert reason_not_sent(verdict, findings).startswith("Not sent to a server")


@pytest.mark.parametrize("policy", ["starter", "strict", "creative"])
def test_no_bundled_policy_allows_the_pair(policy: str) -> None:
    both = ("sexual", "minors-present")
    verdict = evaluated(tenant_policy(policy), Stage.OUTPUT, Modality.FRAMES, both, age=True)
    assert (verdict.action, verdict.vault) == (Action.BLOCK, True)
