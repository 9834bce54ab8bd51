"""`safelight audit population` and `draw`: from the log of an installation to the drawn cases."""

from __future__ import annotations

import json
from pathlib import Path

from support.commands import Run, Say


def test_a_population_is_exported_and_cases_are_drawn_from_it(say: Say, run: Run, folder: Path) -> None:
    say("keys", "create", "application")
    period = ("--from", "2026-01-01", "--to", "2026-02-01")
    printed = say("audit", "population", *period).out
    head, end = map(json.loads, printed.splitlines())
    assert head == {"since": "2026-01-01", "until": "2026-02-01", "cases": 0}
    entries = run("audit", "list", "--event", "population.exported")["data"]
    assert [(one["seq"], one["subject"]) for one in entries] == [(end["seq"], f"population:{end['sha256']}")]
    (folder / "population.jsonl").write_text(printed)
    draw = ("audit", "draw", "population.jsonl", "--seed")
    assert run(*draw, "dice", code=1)["error"]["param"] == "count"
    assert run(*draw, " ", code=1)["error"]["param"] == "seed"
    (folder / "population.jsonl").write_text(printed.replace("2026-01-01", "2026-01-02"))
    assert run(*draw, "dice", code=1)["error"]["param"] == "population"
    assert run("audit", "draw", "none.jsonl", "--seed", "x", code=1)["error"]["code"] == "not_found"
    say("audit", "population", "--from", "2026-02-01", "--to", "2026-01-01", code=1)
    say("audit", "population", "--from", "2026-01-01", "--to", "2999-01-01", code=1)
    say("audit", "population", *period, "--tenant", "nobody", code=1)
    assert (
        "清單的第 1 行有誤"
        in say("--lang", "zh-Hant", "audit", "draw", str(_empty(folder)), "--seed", "x", code=1).err
    )


def test_drawn_cases_are_printed_with_what_is_withheld(say: Say, run: Run, folder: Path) -> None:
    from hashlib import sha256

    row = {"id": "case_a", "at": 0, "kind": None, "outcome": "refuse", "seq": 4, "withheld": "vault"}
    lines = "".join(
        json.dumps(one) + "\n" for one in ({"since": "2026-01-01", "until": "2026-02-01", "cases": 1}, row)
    )
    end = {"sha256": sha256(lines.encode()).hexdigest(), "seq": 9}
    (folder / "list.jsonl").write_text(lines + json.dumps(end) + "\n")
    arguments = ("audit", "draw", "list.jsonl", "--seed", "dice", "--count", "1")
    out = say(*arguments).out.splitlines()
    assert out[0].startswith("1 of 1 cases that were decided from 2026-01-01 to before 2026-02-01; 1 of them")
    assert out[1] == f"Compare with the audit log: entry 9 has the subject population:{end['sha256']}"
    assert out[2:] == ["case_a  1970-01-01T00:00:00+00:00  refuse  vault"]
    assert "抽出 1 個，其中 1 個" in say("--lang", "zh-Hant", *arguments).out
    shown = run(*arguments)
    assert (shown["seed"], shown["withheld"], shown["recorded"], shown["data"]) == ("dice", 1, end, [row])


def _empty(folder: Path) -> Path:
    file = folder / "empty.jsonl"
    file.write_text("")
    return file
