"""`safelight lists`."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.cli.doctor_checks import DoctorState, lists
from safelight.cli.output import Exit
from safelight.detectors.list_origins import ListKind, ListProblem, ListRecord
from support.commands import Run, Say


@pytest.fixture(autouse=True)
def _lists(folder: Path) -> None:
    (folder / "safelight.toml").write_text(f'[detectors.named-entities]\nfolder = "{folder / "lists"}"\n')


def test_a_list_without_owner_and_source_is_named_until_they_are_recorded(
    run: Run, say: Say, folder: Path
) -> None:
    assert run("lists", "check")["ok"]
    (folder / "names.csv").write_text("Quill Harbour Ferries\n")
    run("name-lists", "import", "names.csv", "--name", "ours", "--kind", "brand")
    found = run("lists", "check", code=Exit.ERROR)
    [ours] = [one for one in found["lists"] if one["problems"]]
    assert (ours["name"], ours["problems"]) == ("names/ours", ["no_owner", "no_source"])
    said = say("lists", "check", "--lang", "zh-Hant", code=Exit.ERROR).out
    assert "names/ours" in said
    assert "沒有負責人、沒有來源" in said
    done = run("lists", "set", "names/ours", "--owner", "Ada Reed", "--source", "the club's own register")
    assert done["problems"] == []
    assert run("lists", "check")["ok"]
    assert "Ada Reed" not in say("lists", "check").out, "only lists with a problem are printed"
    run("lists", "set", "names/other", "--owner", "Ada", "--source", "x", code=Exit.ERROR)
    run("lists", "set", "shipped/lists/hate", "--owner", "Ada", "--source", "x", code=Exit.ERROR)


def test_doctor_says_one_line_about_lists() -> None:
    good = ListRecord(
        name="names/own",
        kind=ListKind.NAMES,
        owner="Ada",
        source="a club",
        date="2026-11-24",
        review_days=180,
        problems=(),
    )
    assert lists([good]).state is DoctorState.OK
    bad = ListRecord(
        name="names/old",
        kind=ListKind.NAMES,
        owner="",
        source="a club",
        date="2026-11-24",
        review_days=180,
        problems=(ListProblem.NO_OWNER,),
    )
    assert lists([good, bad]).state is DoctorState.WARNING
    assert lists([good, bad]).message.startswith("1 of 2 lists ")
