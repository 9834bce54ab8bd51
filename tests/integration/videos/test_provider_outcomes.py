"""Each adapter with each outcome, against a server that speaks the provider's documented format."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import Video
from safelight.videos.runner import Runner
from safelight.videos.timeouts import Cancellation
from support.house import Furnish, House
from support.provider_outcomes import API_KEY, MODELS, OUTCOMES, Expected, adapter, read_expected

#: More steps than any outcome needs.
_MAX_STEPS = 60


def end(house: House, video: Video, *, late: bool, monkeypatch: pytest.MonkeyPatch) -> Video:
    runner = Runner(house.context)
    for number in range(_MAX_STEPS):
        if late and number == 4:
            later = house.database.clock() + 1e6
            monkeypatch.setattr(house.database, "clock", partial(float, later))
            house.context.clock_watch.held_for_s()
        if runner.run_steps(video.tenant, video.id) is None:
            break
    return house.reread(video)


def observe(
    name: str, dialect: Any, furnish: Furnish, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Expected:
    """What becomes of a video with this outcome."""
    outcome = next(each for each in OUTCOMES if each.name == name)
    rule = outcome.rule_for(dialect)
    assert rule is not None
    house = furnish()
    house.waive()
    scenario = {
        "api_key": API_KEY,
        "lists": False,
        "otherwise": {"polls": 0, "charge": 40 if dialect == "runway" else 0.4, **rule},
    }
    with ScriptedUpstream(scenario, dialect=dialect) as upstream, adapter(dialect, upstream, folder) as made:
        house.generators["paid"] = made
        video = house.order(model=MODELS[dialect], seconds="4", size="1280x720")
        video = end(house, video, late=outcome.late, monkeypatch=monkeypatch)
        if outcome.late:
            Cancellation(house.context).cancel_late()
        attempts = house.snapshot(video).attempts
        details = video.explanation or {}
        assert upstream.counts["accepted"] <= 1
        return Expected(
            adapter=dialect,
            outcome=name,
            state=video.state.value,
            code=video.error_code or "",
            charged=attempts[-1].charge.charged.value,
            retry=str((details.get("retry") or {}).get("action") or ""),
            category=",".join(details.get("categories") or ()),
            copy=attempts[-1].upstream_copy_status or "",
            submitted=upstream.counts["received"],
        )


@pytest.mark.parametrize("row", read_expected(), ids=lambda row: f"{row.adapter}, {row.outcome}")
def test_a_video_ends_as_the_table_of_outcomes_says(
    row: Expected, furnish: Furnish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert observe(row.outcome, row.adapter, furnish, tmp_path, monkeypatch) == row


def test_the_table_has_every_outcome_that_can_happen() -> None:
    possible = {
        (dialect, outcome.name)
        for dialect in MODELS
        for outcome in OUTCOMES
        if outcome.rule_for(dialect) is not None
    }
    assert {(row.adapter, row.outcome) for row in read_expected()} == possible
