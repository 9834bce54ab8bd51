"""What a check leaves behind, and what it takes: a line in the log, and one probe."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.bootstrap import Container
from safelight.cli.demo import operator
from safelight.errors import CheckLimitExceeded
from safelight.jobs.models import CreateRequest
from safelight.policy.verdicts import Action
from safelight.policy.waivers import EVERYTHING
from safelight.settings import Settings
from safelight.store import tables
from safelight.trust.waivers import NewWaiver

PROMPT = "a quiet harbour, SAFELIGHT-TEST:violence"


@pytest.fixture
def container(tmp_path: Path) -> Container:
    container = Container(
        Settings(  # type: ignore[arg-type]
            data=tmp_path / "data",
            detectors={"minilm": False},
            limits={"checks_per_hour": 3},
            scan={"warm_workers": 0},
        )
    )
    container.persistence.waivers.add(
        NewWaiver(
            name="tests",
            decided_by="a test",
            reason="no model",
            categories=(EVERYTHING,),
        ),
        taxonomy=container.core.taxonomy,
    )
    return container


def test_a_check_leaves_only_an_audit_entry_without_the_prompt(container: Container) -> None:
    who = operator(container)
    found, admitted, price = container.review.checks.check(who, CreateRequest(prompt=PROMPT))
    assert (found.action, admitted.generator, price.usd) == (Action.BLOCK, "storyboard", 0.0)
    assert container.review.videos.list(who, after=None, limit=10, order="desc").videos == ()
    with container.persistence.database.read_transaction(who.tenant) as tx:
        rows = tx.select(tables.audit_log)
    (made,) = [row for row in rows if row.event == "check.made"]
    assert made.actor == who.id
    assert "harbour" not in repr(made)
    assert not list(container.persistence.data_directory.scratch.iterdir())


def test_checks_are_limited_and_exceeding_the_limit_costs_only_time(container: Container) -> None:
    who = operator(container)
    for _ in range(3):
        container.review.checks.check(who, CreateRequest(prompt="a cat"))
    with pytest.raises(CheckLimitExceeded) as spent:
        container.review.checks.check(who, CreateRequest(prompt="a cat"))
    assert spent.value.retry_after_s is not None
