from __future__ import annotations

import pytest

from safelight.console.progress_steps import Mark, Step, way
from safelight.jobs.states import State
from safelight.policy.findings import Stage
from support.fake_api_server import a_video


def marks(state: State, stage: Stage, **changes: object) -> list[Mark]:
    return [stop.mark for stop in way(a_video(state=state, stage=stage, **changes), None)]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("stage", Stage)
def test_the_way_has_seven_stops_and_at_most_one_is_now(state: State, stage: Stage) -> None:
    found = marks(state, stage)
    assert len(found) == len(Step)
    assert found.count(Mark.NOW) <= 1


def test_a_delivered_video_went_all_the_way() -> None:
    found = marks(State.DELIVERED, Stage.DELIVERY)
    assert found == [Mark.DONE, Mark.DONE, Mark.SKIPPED, Mark.DONE, Mark.DONE, Mark.DONE, Mark.DONE]


def test_a_blocked_video_stops_where_it_was_blocked() -> None:
    found = marks(State.BLOCKED, Stage.OUTPUT)
    assert found[4:] == [Mark.STOPPED, Mark.UNREACHED, Mark.UNREACHED]
    assert marks(State.REFUSED, Stage.PROMPT)[1:3] == [Mark.STOPPED, Mark.UNREACHED]


def test_progress_stands_where_work_is_done() -> None:
    stops = way(a_video(state=State.GENERATING, stage=Stage.GENERATION, progress=42), None)
    assert [stop.percent for stop in stops] == [None, None, None, 42, None, None, None]


def test_a_vaulted_video_does_not_say_where_it_stopped() -> None:
    ways = {tuple(marks(State.BLOCKED, stage, vaulted=True)) for stage in Stage}
    assert len(ways) == 1
