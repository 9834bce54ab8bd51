"""A remix and an extension of a storyboard: which words make the scene, and what chooses the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.core.errors import UnsupportedField
from safelight.providers.protocol import Derivation, GenerationRequest, ReferenceFile, SourceClip
from safelight_storyboard.environments import Environment
from safelight_storyboard.generator import Storyboard, _words
from safelight_storyboard.scene import read

CLIP = ReferenceFile(path=Path("clip.mp4"), media_type="video/mp4", field="video", sha256="0" * 64)


def make_request(
    step: Derivation | None, *earlier: str, prompt: str = "at night in the snow"
) -> GenerationRequest:
    basis = SourceClip(derivation=step, clip=CLIP, seconds=4, prompts=earlier) if step else None
    return GenerationRequest(
        key="k", model="storyboard", prompt=prompt, seconds=8, width=640, height=360, source_clip=basis
    )


def test_a_remix_prefers_the_new_prompt_and_keeps_the_scene() -> None:
    words, like = _words(make_request(Derivation.REMIX, "a red boat on the sea at noon", "in the rain"))
    assert words.split("\n") == ["at night in the snow", "in the rain", "a red boat on the sea at noon"]
    first, remixed = read("a red boat on the sea at noon"), read(words, like=like)
    assert remixed.seed == first.seed
    assert remixed.setting is first.setting is Environment.SEA
    assert remixed.hour is not first.hour
    assert [each.kind for each in remixed.subjects] == [each.kind for each in first.subjects]


def test_an_extension_keeps_the_scene_of_the_earlier_prompt() -> None:
    words, like = _words(
        make_request(Derivation.EXTEND, "a red boat on the sea", prompt="then a city street")
    )
    extended = read(words, like=like)
    assert extended.setting is Environment.SEA
    assert extended.seed == read("a red boat on the sea").seed


def test_without_a_source_only_the_prompt_counts() -> None:
    assert _words(make_request(None)) == ("at night in the snow", "")
    assert read("a lake", 7) == read("a lake", 7, like="")


@pytest.mark.parametrize(
    "wrong",
    [
        make_request(Derivation.EDIT, "a boat"),
        make_request(Derivation.REMIX),
        make_request(Derivation.EXTEND),
    ],
)
def test_a_clip_without_a_prompt_and_an_edit_are_refused(wrong: GenerationRequest) -> None:
    with pytest.raises(UnsupportedField):
        _words(wrong)


def test_the_generator_info_lists_the_supported_derivations() -> None:
    offer = Storyboard().info()
    assert [offer.supports(step) for step in Derivation] == [True, False, True]
    assert (offer.takes_clips, offer.longest_s) == (False, 20)
