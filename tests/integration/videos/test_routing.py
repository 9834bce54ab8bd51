"""Which generator gets a request whose model several generators have."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from safelight.core.errors import UpstreamUnavailable
from safelight.providers.videos_api import create as videos_api
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos import submission
from safelight.videos.models import VideoState
from safelight.videos.requests.request import RetryTerms
from support.house import House

#: Failed calls after which a generator is paused.
FAILURES = 5


@pytest.fixture
def shared(house: House, upstream: ScriptedUpstream) -> Iterator[House]:
    """An installation in which `paid` has the model `paid-1`, and `own` has this name as an alias."""
    generators = house.generators
    table = {"url": upstream.url, "billing": "own"}
    with ExitStack() as opened:
        for name, more in (
            ("paid", {"models": ["paid-1"]}),
            ("own", {"models": ["own-1"], "aliases": {"paid-1": "own-1"}}),
        ):
            made = videos_api({**table, **more, "name": name})
            opened.callback(made.close)
            generators[name] = made
        yield house


def pause(house: House, name: str) -> None:
    for _ in range(FAILURES):
        with pytest.raises(UpstreamUnavailable), house.context.upstreams[name].record_outcome():
            raise UpstreamUnavailable("down")


def test_a_paused_generator_is_passed_over_and_the_answer_names_the_other_model(shared: House) -> None:
    first = shared.order(model="paid-1")
    pause(shared, "paid")
    second = shared.make(model="paid-1")
    assert [(video.generator, video.model) for video in (first, second)] == [
        ("paid", "paid-1"),
        ("own", "own-1"),
    ]
    assert second.state is VideoState.DELIVERED
    # What was accepted before stays where it is.
    assert shared.reread(first).generator == "paid"


def test_a_retry_after_a_block_never_goes_to_another_generator(shared: House) -> None:
    pause(shared, "paid")
    assert shared.order(model="paid-1", retry=RetryTerms(same=True)).generator == "paid"


def test_the_name_of_an_ended_model_gets_the_default_model_and_the_log_says_it_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    submission._log_replacement.cache_clear()
    with caplog.at_level(logging.WARNING, logger=submission.__name__):
        models = {house.order(f"a quiet lake {number}", model="sora-2").model for number in range(3)}
    assert models == {"instant-1"}
    assert [record.getMessage() for record in caplog.records if "sora-2" in record.getMessage()] == [
        "Requests for sora-2, which no longer exists, get instant-1. An alias chooses another."
    ]
