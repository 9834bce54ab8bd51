"""Findings as the thirteen categories of omni-moderation."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from safelight.core.errors import RateLimited
from safelight.policy.findings import SHIPPED, THREAT
from safelight.screening.timed_reference import MAX_CLIP_CHECKS, MAX_CLIP_WAITS, ClipPlaces
from safelight.web.moderations_api import (
    MAPPING,
    InputKind,
    ModerationInput,
    ModerationsApi,
    to_omni_categories,
)
from support.verdicts import checked_cell, seen

THIRTEEN = {
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
}


def test_the_thirteen_categories_map_to_existing_ones() -> None:
    assert set(MAPPING) == THIRTEEN
    parts = {part for ways in MAPPING.values() for parts in ways for part in parts}
    assert all(part in SHIPPED for part in parts - {THREAT})


def test_a_threat_is_threatening_harassment_without_a_scene_of_violence() -> None:
    threat = seen("harassment", 0.8, kind=THREAT)
    found = to_omni_categories([(InputKind.TEXT, [threat], ())])
    assert found.scores["harassment/threatening"] == found.scores["harassment"] == 0.8
    assert found.findings == {"harassment": 0.8}
    insult = to_omni_categories([(InputKind.TEXT, [seen("harassment", 0.8)], ())])
    assert insult.scores["harassment/threatening"] == 0.0


def test_the_strongest_alternative_counts_with_its_weakest_part() -> None:
    found = to_omni_categories(
        [(InputKind.TEXT, [seen("hate", 0.6), seen("hate/symbols", 0.9), seen("violence", 0.7)], ())]
    )
    assert found.scores["hate"] == 0.9
    assert found.scores["hate/threatening"] == 0.6
    assert found.scores["violence"] == 0.7
    assert found.scores["violence/graphic"] == 0.0
    assert found.flagged
    assert not to_omni_categories([(InputKind.TEXT, [seen("hate", 0.49)], ())]).flagged


def test_not_checked_differs_from_nothing_found() -> None:
    cells = [checked_cell("violence"), checked_cell("sexual", complete=False)]
    found = to_omni_categories(
        [(InputKind.TEXT, (), cells), (InputKind.IMAGE, (), [checked_cell("violence", "image")])]
    )
    assert found.applied["violence"] == (InputKind.TEXT, InputKind.IMAGE)
    assert found.applied["sexual"] == ()
    assert "sexual" in found.not_checked
    assert found.scores["sexual"] == 0.0


def test_a_check_of_a_clip_counts_for_video_whatever_was_checked_in_it() -> None:
    cells = [checked_cell("violence", "frames"), checked_cell("hate", "audio")]
    found = to_omni_categories([(InputKind.VIDEO, (), cells), (InputKind.IMAGE, (), cells)])
    assert found.applied["violence"] == (InputKind.VIDEO,)
    assert found.applied["hate"] == (InputKind.VIDEO,)
    assert found.clip is None


def test_one_clip_of_a_key_and_a_few_in_all_are_scanned_at_a_time() -> None:
    places = ClipPlaces()
    nothing: Any = None
    api = ModerationsApi(
        pipeline=nothing,
        scanner=nothing,
        fetcher=nothing,
        scratch=nothing,
        check_limiter=nothing,
        stages=nothing,
        policy_of=nothing,
        max_clip_bytes=1,
        stopping=nothing,
        places=places,
        clip_wait_s=0.01,
    )
    clip = ModerationInput(kind=InputKind.VIDEO, value="data:,", param="input[0]")

    def refuse(caller: str) -> None:
        with pytest.raises(RateLimited) as refused:
            api.look(cast(Any, SimpleNamespace(id=caller)), [clip])
        assert refused.value.retry_after_s

    with ExitStack() as held:
        assert held.enter_context(places.hold("key_1"))
        refuse("key_1")
        assert all(
            held.enter_context(places.hold(f"other_{number}")) for number in range(MAX_CLIP_CHECKS - 1)
        )
        refuse("key_2")
    with places.hold("key_2") as found:
        assert found


def test_a_call_waits_for_a_place_until_another_one_leaves_it() -> None:
    places, entered = ClipPlaces(), threading.Event()

    def wait_for_place() -> bool:
        entered.set()
        with places.hold("key_1", wait_s=60.0) as found:
            return found

    with ThreadPoolExecutor(max_workers=1) as pool:
        with places.hold("key_1") as first:
            assert first
            second = pool.submit(wait_for_place)
            assert entered.wait(60)
            assert not second.done()
        assert second.result(60)


def test_only_a_few_calls_wait_for_a_place() -> None:
    places = ClipPlaces()

    def wait_for_place() -> bool:
        with places.hold("key_1", wait_s=60.0) as found:
            return found

    with ThreadPoolExecutor(max_workers=MAX_CLIP_WAITS + 1) as pool:
        with places.hold("key_1"):
            waiting = [pool.submit(wait_for_place) for _ in range(MAX_CLIP_WAITS + 1)]
            done, _ = wait(waiting, timeout=60, return_when=FIRST_COMPLETED)
            assert [each.result() for each in done] == [False]
        assert sum(each.result(60) for each in waiting) == MAX_CLIP_WAITS
