"""The first run: a storyboard clip with a spoken line is delivered under the waiver `demo`, saying why."""

from __future__ import annotations

from pathlib import Path

from safelight.detectors.registry import DetectorRegistry
from safelight.detectors.text.pipeline import TextPipeline
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.documents import load
from safelight.policy.findings import SHIPPED, Modality
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, WaiverTerms
from safelight.providers.protocol import GenerationRequest
from safelight.screening.evaluation import ScreeningContext
from safelight.screening.output import OutputStage
from safelight.screening.scanning.service import Scanner, ScannerOptions
from safelight_storyboard import create
from safelight_storyboard.tts import synthesiser
from support.optional_tools import leave_out


def test_a_clip_with_speech_is_delivered_under_the_waiver(sandbox: Sandbox, tmp_path: Path) -> None:
    if synthesiser() is None:
        leave_out("espeak-ng", "install Debian's package espeak-ng")
    path = tmp_path / "clip.mp4"
    prompt = 'A baker in a kitchen says "good morning, the bread is ready and still warm"'
    order = GenerationRequest(key="k", model="storyboard-1", prompt=prompt, seconds=4, width=1280, height=720)
    create({"name": "storyboard"}).render(order, path, lambda _done: None)
    catalogue = DetectorRegistry.discover({"minilm": False, "ocr": False, "nudenet": False, "whisper": False})
    assert catalogue.transcriber is None
    policy = load("starter", SHIPPED)
    demo = WaiverTerms(id="w", name="demo", categories=("*",))
    stage = OutputStage(
        scanner=Scanner(
            sandbox, catalogue.child_specs(), ScannerOptions(warm_children=0, video_timeout_s=120.0)
        ),
        pipeline=TextPipeline(catalogue.text_detectors(), budget_s=20.0),
    )
    tenant_policy = TenantPolicy(tenant="t", taxonomy=SHIPPED, policy=policy, waivers=(demo,))
    judged, report = stage.scan(path, ScreeningContext(policy=tenant_policy), subject_sha256="0" * 64)
    assert report.audio.speech
    assert judged.verdict.action is Action.ALLOW
    waived = [cell for cell in judged.verdict.waived if cell.modality is Modality.AUDIO]
    assert {cell.category for cell in waived} == {"sexual", "sexual/minors", "extremism"}
    assert all("Speech present, not transcribed" in cell.note for cell in waived)
    assert judged.details["sound"]["transcribed"] is False
    assert judged.details["sound"]["speech"]
