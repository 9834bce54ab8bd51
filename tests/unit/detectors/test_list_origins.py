from __future__ import annotations

import datetime as dt
import os
from importlib.resources import files
from pathlib import Path

import pytest

from safelight.core.errors import InvalidField, NotFound
from safelight.detectors.list_folder import ListFolder, ListOrigin
from safelight.detectors.list_origins import ListKind, ListProblem, ListRecord, check_lists, split_name

DAY = dt.date(2026, 11, 24)


@pytest.fixture
def own(tmp_path: Path) -> ListFolder:
    folder = ListFolder(tmp_path, suffix=".jsonl", noun="list")
    folder.write("own", b"{}")
    at = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC).timestamp()
    os.utime(folder.path("own"), (at, at))
    return folder


def check(folder: ListFolder, today: dt.date = DAY) -> ListRecord:
    [found] = [
        one for one in check_lists([(ListKind.NAMES, folder)], today=today) if one.kind is ListKind.NAMES
    ]
    return found


def test_every_shipped_list_has_an_owner_a_source_and_a_review_in_time() -> None:
    records = check_lists([], today=DAY)
    assert not [one.name for one in records if one.problems]
    text = Path(str(files("safelight.detectors.text")))
    shipped = [
        file for name in ("lists", "compositions", "indicators") for file in (text / name).rglob("*.yaml")
    ]
    assert len(records) == len(shipped) + 1, "and the help lines"


def test_a_list_is_stale_on_the_day_after_its_review_period() -> None:
    records = check_lists([], today=DAY)
    one = records[0]
    last = dt.date.fromisoformat(one.date) + dt.timedelta(days=one.review_days)
    assert not check_lists([], today=last)[0].problems
    assert check_lists([], today=last + dt.timedelta(days=1))[0].problems == (ListProblem.STALE,)


def test_a_list_of_the_operator_has_the_day_of_its_change_until_it_is_reviewed(own: ListFolder) -> None:
    before = check(own)
    assert (before.name, before.date) == ("names/own", "2026-11-01")
    assert before.problems == (ListProblem.NO_OWNER, ListProblem.NO_SOURCE)
    own.set_origin("own", ListOrigin(owner="Ada", source="a club", reviewed="2026-11-24", review_days=30))
    assert check(own).problems == ()
    assert check(own, dt.date(2026, 12, 25)).problems == (ListProblem.STALE,)
    assert own.names() == ("own",), "the origin is no list"


def test_a_removed_list_leaves_no_origin_for_the_next_one_of_its_name(own: ListFolder) -> None:
    own.set_origin("own", ListOrigin(owner="Ada", source="a club", reviewed="2026-11-24"))
    own.remove("own")
    with pytest.raises(NotFound):
        own.set_origin("own", ListOrigin(owner="Ada"))
    own.write("own", b"{}")
    assert check(own).owner == ""


def test_lists_that_the_gateway_writes_itself_are_left_out(tmp_path: Path) -> None:
    folder = ListFolder(tmp_path, suffix=".hashes", noun="hash list")
    folder.write("safelight-stay-down-x", b"{}")
    assert not [
        one for one in check_lists([(ListKind.HASHES, folder)], today=DAY) if one.name.startswith("h")
    ]


@pytest.mark.parametrize("name", ["own", "shipped/lists/hate", "names/", ""])
def test_only_lists_of_the_operator_can_be_changed(name: str) -> None:
    assert split_name("hashes/exchange") == (ListKind.HASHES, "exchange")
    with pytest.raises(InvalidField):
        split_name(name)
