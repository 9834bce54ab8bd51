"""What a check leaves behind, and what it takes: a line in the log, and one probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.bootstrap import Installation
from safelight.cli.demo import operator
from safelight.errors import ProbeBudgetSpent
from safelight.jobs.models import CreateRequest
from safelight.policy.verdicts import Action
from safelight.policy.waivers import EVERYTHING
from safelight.settings import Settings
from safelight.store import tables

PROMPT = "a quiet harbour, SAFELIGHT-TEST:violence"


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    made = Installation(
        Settings(  # type: ignore[arg-type]
            data=tmp_path / "data",
            detectors={"minilm": False},
            limits={"probes_per_hour": 3},
            scan={"warm_children": 0},
        )
    )
    made.waivers.add(
        name="tests", who="a test", why="no model", categories=(EVERYTHING,), taxonomy=made.taxonomy
    )
    return made


def test_nothing_is_kept_but_a_line_without_the_words(here: Installation) -> None:
    who = operator(here)
    found, admitted, price = here.checks.check(who, CreateRequest(prompt=PROMPT))
    assert (found.action, admitted.generator, price.usd) == (Action.BLOCK, "storyboard", 0.0)
    assert here.videos.list(who, after=None, limit=10, order="desc").videos == ()
    with here.database.reading(who.tenant) as tx:
        rows = tx.select(tables.log)
    (made,) = [row for row in rows if row.event == "check.made"]
    assert made.actor == who.id
    assert "harbour" not in repr(made)
    assert not list(here.directory.scratch.iterdir())


def test_checks_have_a_budget_and_never_bring_more_than_a_wait(here: Installation) -> None:
    who = operator(here)
    for _ in range(3):
        here.checks.check(who, CreateRequest(prompt="a cat"))
    with pytest.raises(ProbeBudgetSpent) as spent:
        here.checks.check(who, CreateRequest(prompt="a cat"))
    assert spent.value.retry_after_s is not None
