"""The safety test card through the real storyboard and the real scan, as anyone would test a deployment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.cli.demo import operator
from safelight.core.errors import NotFound
from safelight.policy.findings import FrameRange, TimeRange
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.testing.detectors import TEXT_MARKER
from safelight.videos.models import Video, VideoState
from safelight.videos.requests.request import CreateRequest
from safelight.videos.runner import Runner
from support.house import CALM_SCAN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """An installation whose fork server has loaded the shipped detectors."""
    container = Container(Settings(data=tmp_path_factory.mktemp("card") / "data"))
    container.core.scanner.start()
    container.persistence.waivers.add(
        NewWaiver(
            name="tests",
            decided_by="a test",
            reason="no model",
            categories=(EVERYTHING,),
        ),
        taxonomy=container.core.taxonomy,
    )
    yield container
    container.core.scanner.close()
    container.core.sandbox.close()


def made_of(container: Container, prompt: str, test_card: str) -> Video:
    videos = container.videos
    video = type(videos)(**{**videos.__dict__, "enqueue": lambda *_: None}).create(
        operator(container),
        CreateRequest(prompt=prompt, seconds="4", size="640x360", extra={"test_card": test_card}),
    )
    runner = Runner(container.pipeline.context)
    while runner.run_steps(video.tenant, video.id):
        pass
    return videos.get(operator(container), video.id)


@pytest.mark.parametrize(
    ("card", "category", "kind"),
    [
        ("frame:violence@2.0s", "violence", FrameRange),
        ("flash:hate@1.5s", "hate", FrameRange),
        ("tone:harassment@1.0s", "harassment", TimeRange),
    ],
)
def test_a_safety_test_card_in_picture_or_sound_is_blocked(
    container: Container, card: str, category: str, kind: type[FrameRange] | type[TimeRange]
) -> None:
    video = made_of(container, "a quiet harbour in the morning", card)
    assert (video.state, video.error_code) == (VideoState.BLOCKED, "moderation_blocked")
    judged = container.videos.record(operator(container), video.id).stages[-1]
    verdict = judged.verdict
    assert (verdict.category, verdict.test_card_only) == (category, True)
    wanted = float(card.partition("@")[2].rstrip("s"))
    places = [
        part
        for finding in verdict.findings
        for part in finding.evidence
        if isinstance(part, FrameRange | TimeRange)
    ]
    assert any(isinstance(part, kind) for part in places)
    assert any(part.start_s - 0.3 <= wanted <= part.end_s + 0.3 for part in places)
    for variant in ("video", "thumbnail", "spritesheet"):
        with pytest.raises(NotFound):
            container.videos.content(operator(container), video.id, variant)


def test_a_safety_test_card_with_a_real_finding_is_an_ordinary_case(tmp_path: Path) -> None:
    from safelight.detectors.registry import DetectorRegistry

    container = Container(Settings(data=tmp_path / "data", scan=CALM_SCAN))  # type: ignore[arg-type]
    plain = DetectorRegistry.discover({})
    container.core.detectors = DetectorRegistry(
        [*plain._plugins, (TEXT_MARKER, {"category": "self-harm/instructions", "score": 0.99})]
    )
    texts = {"prompt": "SAFELIGHT-TEST:violence and a MARKER"}
    policy = container.pipeline.policy_loader.load(container.persistence.tenant)
    screen = container.pipeline.stages.prompt.screen
    judged = screen(texts, policy)
    assert judged.verdict.action.value == "block"
    assert not judged.verdict.test_card_only
    alone = screen({"prompt": "SAFELIGHT-TEST:violence"}, policy)
    assert alone.verdict.test_card_only
