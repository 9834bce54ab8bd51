"""The safety test card through the real storyboard and the real scan, as anyone would test a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.bootstrap import Installation
from safelight.cli.demo import operator
from safelight.errors import NotFound
from safelight.jobs.models import CreateRequest, Video
from safelight.jobs.runner import Runner
from safelight.jobs.states import State
from safelight.policy.findings import FrameRange, TimeRange
from safelight.policy.waivers import EVERYTHING
from safelight.settings import Settings
from safelight.testing.detectors import TEXT_MARKER

pytestmark = pytest.mark.slow


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    made = Installation(Settings(data=tmp_path / "data", scan={"warm_children": 0}))  # type: ignore[arg-type]
    made.waivers.add(
        name="tests", who="a test", why="no model", categories=(EVERYTHING,), taxonomy=made.taxonomy
    )
    return made


def made_of(here: Installation, prompt: str, test_card: str) -> Video:
    videos = here.videos
    video = type(videos)(**{**videos.__dict__, "hand_over": lambda *_: None}).create(
        operator(here),
        CreateRequest(prompt=prompt, seconds="4", size="640x360", extra={"test_card": test_card}),
    )
    runner = Runner(here.workshop)
    while runner.advance(video.tenant, video.id):
        pass
    return videos.get(operator(here), video.id)


@pytest.mark.parametrize(
    ("card", "category", "kind"),
    [
        ("frame:violence@2.0s", "violence", FrameRange),
        ("flash:hate@1.5s", "hate", FrameRange),
        ("tone:harassment@1.0s", "harassment", TimeRange),
    ],
)
def test_a_card_in_picture_or_sound_is_blocked_where_it_is_and_nothing_gets_out(
    here: Installation, card: str, category: str, kind: type[FrameRange] | type[TimeRange]
) -> None:
    video = made_of(here, "a quiet harbour in the morning", card)
    assert (video.state, video.error_code) == (State.BLOCKED, "moderation_blocked")
    judged = here.videos.record(operator(here), video.id).judgements[-1]
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
            here.videos.content(operator(here), video.id, variant)


def test_a_card_together_with_a_real_finding_is_an_ordinary_case(tmp_path: Path) -> None:
    from safelight.detectors.registry import Catalogue

    here = Installation(Settings(data=tmp_path / "data", scan={"warm_children": 0}))  # type: ignore[arg-type]
    plain = Catalogue.discover({})
    here.__dict__["catalogue"] = Catalogue(
        [*plain._plugins, (TEXT_MARKER, {"category": "self-harm/instructions", "score": 0.99})]
    )
    texts = {"prompt": "SAFELIGHT-TEST:violence and a MARKER"}
    judged = here.stages.judge_prompt(texts, tenant=here.tenant)
    assert judged.verdict.action.value == "block"
    assert not judged.verdict.test_card_only
    alone = here.stages.judge_prompt({"prompt": "SAFELIGHT-TEST:violence"}, tenant=here.tenant)
    assert alone.verdict.test_card_only
