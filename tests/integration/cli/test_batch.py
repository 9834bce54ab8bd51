"""`safelight batch`: the plan is local and free, a run asks first, stops clean and goes on."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from safelight.testing.upstream import ScriptedUpstream
from support.commands import Run, Say

ROWS = """id,prompt,seconds,model
a,A tram crosses a bridge at dusk,4,wan
b,A fight SAFELIGHT-TEST:violence in a bar,4,wan
c,A red kite,four,wan
d,A tram crosses a bridge at dusk,4,wan
e,A potter shapes a vase,8,veo
"""


ONE_ROW = "prompt,seconds\nA red kite,4\n"
PRICES = ("--price", "wan=0.1", "--price", "veo=0.2")


@pytest.fixture
def shots(folder: Path) -> Path:
    """The table of the current folder."""
    (folder / "shots.csv").write_text(ROWS, "utf-8")
    return folder / "shots.csv"


def test_a_plan_names_prices_refusals_wrong_fields_and_duplicates(run: Run, shots: Path) -> None:
    shots.write_text("\ufeff" + ROWS, "utf-8")
    found = run("batch", "plan", "shots.csv", "--price", "wan=0.1", code=3)
    assert found["totals"] == {
        "rows": 5,
        "to_send": 2,
        "invalid": 1,
        "expected_refusals": 1,
        "neighbours": 0,
        "duplicates": 1,
        "near_duplicates": 0,
        "unknown_prices": 1,
        "worst_usd": 0.4,
    }
    first, refused, *rest = [row["reason"] for row in found["rows"]]
    assert "test card" in refused
    assert [first, *rest] == [
        "",
        "seconds must be a whole number from 1 to 3600.",
        "The row is the same as line 2.",
        "",
    ]
    assert [path.name for path in shots.parent.iterdir()] == ["shots.csv"]


@pytest.mark.parametrize(
    ("tag", "words"), [("en", "1 refused by the policy"), ("zh-Hant", "1 列重複"), ("zh-Hans", "1 行重复")]
)
def test_the_plan_is_printed_in_three_languages(say: Say, shots: Path, tag: str, words: str) -> None:
    text = say("--lang", tag, "batch", "plan", "shots.csv", code=None).out
    assert words in text
    if tag != "en":
        for english in ("The row is", "must be", "The price", "Not sent"):
            assert english not in text


def test_rows_in_yaml_have_their_lines_and_a_file_that_is_no_batch_is_refused(run: Run, folder: Path) -> None:
    file = folder / "a.yaml"
    file.write_text("# shots\n- prompt: A boat\n  seconds: 4\n- just text\n")
    rows = run("batch", "plan", "a.yaml", code=None)["rows"]
    assert [(row["line"], row["sent"]) for row in rows] == [(2, True), (4, False)]
    for text, reason in (
        ("- &a {prompt: x}\n- *a\n", "aliases"),
        ("prompt: x\n", "list of rows"),
        ("- {prompt: [\n", "cannot be read"),
    ):
        file.write_text(text)
        assert reason in run("batch", "plan", "a.yaml", code=2)["error"]["message"]


def test_a_run_makes_the_videos_and_writes_three_reports(run: Run, shots: Path) -> None:
    shots.write_text(ROWS.replace("A potter", "=A <b>potter</b>"), "utf-8")
    with ScriptedUpstream({"otherwise": {"polls": 0, "charge": 0.3}}) as upstream:
        options = ("--url", upstream.url, *PRICES, "--max-usd", "2.0", "--yes")
        found = run("batch", "run", "shots.csv", *options, code=3)
        assert upstream.counts["received"] == 2
    assert (found["states"], found["spent_usd"]) == ({"delivered": 2, "not_sent": 3}, 0.6)
    reports = shots.with_suffix(".batch")
    assert json.loads((reports / "report.json").read_text("utf-8")) == found
    assert "'=A <b>potter</b>" in (reports / "report.csv").read_text("utf-8-sig")
    page = (reports / "report.html").read_text("utf-8")
    assert "=A &lt;b&gt;potter" in page
    assert 'href="videos/00001-a.mp4"' in page
    assert "http" not in page


def test_a_report_that_cannot_be_written_does_not_hide_the_result(
    say: Say, shots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_reports(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("safelight_client.batch.write_reports", write_reports)
    shots.write_text(ONE_ROW)
    with ScriptedUpstream({"otherwise": {"polls": 0}}) as upstream:
        found = say("batch", "run", "shots.csv", "--url", upstream.url, "--max-jobs", "1", "--yes")
    assert "delivered 1" in found.out
    assert "The report could not be written: [Errno 28] No space left on device" in found.err


def test_nothing_is_sent_unless_the_question_is_answered_or_by_a_client_of_another_version(
    say: Say, shots: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda *_: "n")
    with ScriptedUpstream() as upstream:
        say("batch", "run", "shots.csv", "--url", upstream.url, "--max-jobs", "3", code=1)
        assert upstream.counts["received"] == 0
    monkeypatch.setattr("safelight_client.__version__", "0.0.9")
    assert "safelight-client 0.0.9 is installed" in say("batch", "plan", "shots.csv", code=2).err


def test_ctrl_c_lists_what_goes_on_at_the_provider_and_what_it_costs(shots: Path) -> None:
    with ScriptedUpstream({"otherwise": {"ends": "never"}}) as upstream:
        command = [sys.executable, "-m", "safelight", "batch", "run", "shots.csv", "--url", upstream.url]
        command += [*PRICES, "--yes"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 120
        while upstream.counts["polls"] < 4 and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGINT)
        out, err = child.communicate(timeout=60)
        ids = list(upstream.counts["orders"])
    assert child.returncode == 130, err
    assert "Stopping. Press Ctrl-C again" in err
    prices = {
        f"{name} goes on at the provider: at most {price}." for name in ids for price in ("$0.40", "$1.60")
    }
    assert sum(text in out for text in prices) == 2
