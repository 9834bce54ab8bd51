"""Ordinary scenes that the storyboard draws pass the prompt stage and the output stage, in three scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.cli.demo import operator, record_waiver
from safelight.core.fileio import sha256_file
from safelight.policy.verdicts import Action
from safelight.providers.protocol import GenerationRequest
from safelight.screening.evaluation import ScreeningContext
from safelight_storyboard import create
from support.house import CALM_SCAN

SCENES = (
    "Rain on a greenhouse roof, seen from inside, soft morning light",
    "A person standing alone on a rooftop at night, looking down at the city",
    "溫室的屋頂下著雨,從裡面看出去,柔和的晨光",
    "一個人夜裡獨自站在屋頂上,低頭看著城市",
    "雨点打在温室的玻璃顶上,从里面望出去,早晨的光很柔和",
    "夜里,一个人独自站在楼顶,俯视城市",
)


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Container:
    made = Container(Settings(data=tmp_path_factory.mktemp("delivery") / "data", scan=CALM_SCAN))
    record_waiver(made)
    return made


@pytest.mark.parametrize("prompt", SCENES)
def test_what_the_storyboard_draws_of_an_ordinary_scene_is_allowed(
    container: Container, prompt: str, tmp_path: Path
) -> None:
    stages = container.pipeline.stages
    policy = container.pipeline.policy_loader.load(operator(container).tenant)
    asked = stages.prompt.screen({"prompt": prompt}, policy)
    assert (asked.verdict.action, asked.verdict.reason) == (Action.ALLOW, "")

    generator, clip = create({}), tmp_path / "clip.mp4"
    request = GenerationRequest(
        key="scene", model="storyboard", prompt=prompt, seconds=1, width=640, height=360, extra={"fps": 12}
    )
    generator.render(request, clip, lambda _percent: None)
    drawn, report = stages.output.scan(
        clip,
        ScreeningContext(
            policy=policy,
            texts={"prompt": prompt},
            prior=asked.findings,
            generator_texts=generator.info().own_texts,
        ),
        subject_sha256=sha256_file(clip),
    )
    assert report.sampling.unseen == 0
    assert (drawn.verdict.action, drawn.verdict.rule) == (Action.ALLOW, "")
    assert not [found for found in drawn.findings if found.category == "hate/symbols"]
