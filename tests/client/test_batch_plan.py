"""The plan of a batch names what is wrong, expensive, repeated or likely to be refused. It sends nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import safelight_client as sc
from safelight_client.batch import BatchPlan, PlanOptions, PromptCheck, plan_batch, read_rows
from safelight_client.batch.money import CostCeiling
from safelight_client.batch.rows import find_repeated, read_jsonl, rows_of_entries
from safelight_client.batch.similarity import SimilarTexts
from safelight_client.batch.stop_rules import StopRules
from support.rows import each_row

OWN_RETRIES = (
    "safelight.retry cannot be used here, because the batch makes retries of its own: "
    "a video could be made and paid twice."
)


def plan_text(path: Path, text: str | bytes, **options: Any) -> BatchPlan:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return plan_batch(read_rows(path), PlanOptions(prices={"": 0.1, "wan": 0.2}, **options))


def skipped(plan: BatchPlan) -> dict[int, str]:
    return {each.row.line: each.skipped for each in plan.rows if each.skipped}


def test_all_wrong_fields_are_named_with_their_lines(tmp_path: Path) -> None:
    text = '{"prompt": "a", "duration": 4, "resolution": "720p"}\n\n{"seconds": "four"}\n[1]\n{"x"\n'
    text += '{"prompt": "b", "input_reference": "none.png", "size": "big"}\n'
    assert skipped(plan_text(tmp_path / "a.jsonl", text)) == {
        1: "There is no field duration: use seconds. There is no field resolution: use size.",
        3: "The prompt is missing. seconds must be a whole number from 1 to 3600.",
        4: "The row is not an object with fields.",
        5: "The line is not JSON.",
        6: "size must be WIDTHxHEIGHT in pixels, such as 1280x720. "
        f"The file {tmp_path / 'none.png'} of input_reference does not exist.",
    }


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('""', "The row is not an object with fields."),
        ('"A boat"', "The row is not an object with fields."),
        ("null", "The row is not an object with fields."),
        ('{"prompt": "A boat", "safelight": {"retry": true}}', OWN_RETRIES),
        ('{"prompt": "A boat", "safelight[retry][same]": "true"}', OWN_RETRIES),
        ('{"prompt": "A boat \\ud800"}', "A text of the row is not valid Unicode."),
        ('{"prompt": "A boat", "metadata": {"a": "\\udc00"}}', "A text of the row is not valid Unicode."),
        (f'{{"prompt": "A boat", "input_reference": "data:{"a" * 5000}"}}', "does not exist."),
    ],
)
def test_a_row_that_cannot_be_sent_is_named_and_the_others_are_planned(
    tmp_path: Path, line: str, problem: str
) -> None:
    plan = plan_text(tmp_path / "a.jsonl", f'{line}\n{{"prompt": "A kite"}}\n')
    assert list(skipped(plan)) == [1]
    assert skipped(plan)[1].endswith(problem)


def test_a_prompt_that_is_not_a_text_is_a_problem_of_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("- prompt: 2026-01-01\n")
    rows = read_rows(path, lambda _: [(1, {"prompt": date(2026, 1, 1)}), (2, {"prompt": "A kite"})])
    plan = plan_batch(rows, PlanOptions(), check=lambda _: PromptCheck())
    assert skipped(plan) == {1: "The prompt is missing."}


@pytest.mark.parametrize("place", ["absolute", "above", "link"])
def test_only_files_in_the_folder_of_the_batch_are_sent(tmp_path: Path, place: str) -> None:
    folder = tmp_path / "batch"
    folder.mkdir()
    (tmp_path / "private.png").write_bytes(b"x")
    (folder / "own.png").write_bytes(b"x")
    (folder / "link.png").symlink_to(tmp_path / "private.png")
    name = {"absolute": str(tmp_path / "private.png"), "above": "../private.png", "link": "link.png"}[place]
    rows = [{"prompt": "A boat", "input_reference": name}, {"prompt": "A kite", "input_reference": "own.png"}]
    plan = plan_text(folder / "a.jsonl", "\n".join(map(json.dumps, rows)))
    assert list(skipped(plan)) == [1]
    assert skipped(plan)[1].endswith("of input_reference is not in the folder of the batch.")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_file_of_a_spreadsheet_is_read(tmp_path: Path, delimiter: str) -> None:
    lines = ["id,prompt,seconds", 'a,"A tram\nat dusk",4', "", "b,A boat,8"]
    text = "\ufeff" + "\r\n".join(lines).replace(",", delimiter)
    plan = plan_text(tmp_path / "a.csv", text)
    found = [(each.row.line, each.row.name, each.row.prompt, each.worst) for each in plan.rows]
    assert found == [(2, "a", "A tram\nat dusk", 400_000), (5, "b", "A boat", 800_000)]


def test_broken_quotes_are_named_and_nothing_after_them_is_read(tmp_path: Path) -> None:
    text = 'prompt,seconds\nA boat,4\n"A tram" at dusk,4\nA kite,4\n'
    plan = plan_text(tmp_path / "a.csv", text)
    assert [each.row.line for each in plan.rows] == [2, 3]
    assert skipped(plan)[3].startswith("The quotes of this row are broken")
    assert skipped(plan_text(tmp_path / "b.csv", 'prompt\n"A boat\nA tram\n'))[2].startswith("The quotes")


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.csv", b"prompt\nA caf\xe9\n", "is not UTF-8: line 2"),
        ("a.csv", b"prompt,prompt\na,b\n", "column twice: prompt"),
        (
            "a.csv",
            b"prompt,%s\na\n" % b",".join(b"c%d" % n for n in range(1000)),
            "1,001 columns; at most 1,000",
        ),
        ("a.csv", b"prompt\n", "has no rows"),
        ("a.txt", b"a\n", "is not a batch"),
        ("a.yaml", b"- prompt: a\n", "is not a batch"),
    ],
)
def test_a_file_that_is_no_batch_is_refused(tmp_path: Path, name: str, text: bytes, reason: str) -> None:
    with pytest.raises(sc.BatchError, match=reason):
        plan_text(tmp_path / name, text)


class CountedName(str):
    """A name that counts how often it is hashed or compared."""

    uses = 0

    def __hash__(self) -> int:
        CountedName.uses += 1
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        CountedName.uses += 1
        return super().__eq__(other)


@pytest.mark.parametrize("number", [1_000, 8_000])
def test_the_cost_of_finding_a_repeated_name_is_linear_in_the_number_of_names(number: int) -> None:
    names = [CountedName(f"c{n}") for n in range(number)]
    CountedName.uses = 0
    assert find_repeated([*names, names[-1]]) == f"c{number - 1}"
    assert CountedName.uses < 6 * number


@pytest.mark.parametrize("ending", ["jsonl", "yaml"])
def test_a_row_with_more_fields_than_any_request_is_wrong_and_its_fields_are_not_kept(ending: str) -> None:
    fields = {"prompt": "a boat", **{f"c{n}": 1 for n in range(1000)}}
    (row,) = rows_of_entries(read_jsonl(json.dumps(fields)) if ending == "jsonl" else [(1, fields)])
    assert row.problems == ("The row has 1,001 fields; at most 1,000 are read.",)
    assert not row.fields


def test_duplicates_are_not_sent_unless_wanted_and_near_duplicates_are_reported(tmp_path: Path) -> None:
    rows = ["A red kite over wheat fields at noon", "A potter shapes a vase"]
    lines = [f'{{"prompt": "{row}", "seconds": 4}}' for row in [*rows, rows[0], rows[0] + "!"]]
    plan = plan_text(tmp_path / "a.jsonl", "\n".join(lines))
    assert skipped(plan) == {3: "The row is the same as line 1."}
    assert [each.near_duplicate_of for each in plan.rows] == [None, None, None, 1]
    assert skipped(plan_text(tmp_path / "a.jsonl", "\n".join(lines), send_duplicates=True)) == {}


def test_expected_refusals_and_their_neighbours_are_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "prompt\nThe quarrel between two grocers ended badly\nA red kite\n"
        "A quarrel between the two grocers ended badly\n"
    )

    def check(fields: Mapping[str, Any]) -> PromptCheck:
        return PromptCheck(is_blocked=fields["prompt"].startswith("The quarrel"), reason="Blocked: x.")

    plan = plan_batch(read_rows(path), PlanOptions(), check=check)
    assert skipped(plan) == {
        2: "Blocked: x.",
        4: "The prompt is nearly that of line 2, which the policy blocks.",
    }
    totals = plan.totals()
    assert (totals["expected_refusals"], totals["neighbours"], totals["unknown_prices"]) == (1, 1, 1)


def test_what_a_gateway_offers_decides_prices_and_problems(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "A boat,wan,4,\nA kite,wan,5,8\nA tram,other,4,\nA cat,own,,\nA pond,veo,4,\n"
    path.write_text(f"prompt,model,seconds,fps\n{rows}")
    paid = {"seconds": [4, 8], "fields": [], "usd_per_second": 0.5, "billing": "paid"}
    models = {name: {"safelight": paid} for name in ("wan", "veo")} | {
        "own": {"safelight": {"billing": "own"}}
    }
    # A given price counts only above that of the gateway.
    plan = plan_batch(read_rows(path), PlanOptions(prices={"wan": 0.1, "veo": 0.75}), models=models)
    assert skipped(plan) == {
        3: "The model makes these lengths in seconds: 4, 8. The model has no field fps.",
        4: "The server has no model other.",
    }
    assert [each.worst for each in plan.sendable] == [2_000_000, 0, 3_000_000]


@pytest.mark.parametrize(
    ("field", "value", "worst"), [("n", 4, None), ("num_frames", 480, None), ("n", 1, 400_000)]
)
def test_the_price_of_a_field_that_multiplies_the_bill_is_not_known(
    tmp_path: Path, field: str, value: int, worst: int | None
) -> None:
    row = {"prompt": "A boat", "seconds": 4, field: value}
    assert plan_text(tmp_path / "a.jsonl", json.dumps(row)).rows[0].worst == worst


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has one entry for each comparison of two texts."""
    made: list[int] = []
    compare = SimilarTexts._compare
    monkeypatch.setattr(SimilarTexts, "_compare", lambda *texts: made.append(1) or compare(*texts))
    return made


@pytest.mark.parametrize(("refused", "most"), [("", 4), ("7", 20)], ids=["no refusal", "many refusals"])
def test_thousands_of_rows_of_one_template_are_compared_with_few_others(
    tmp_path: Path, compared: list[int], refused: str, most: int
) -> None:
    rows = (f"Scene {n:06} of our film about a harbour at dusk {n * 7919 % 1000}" for n in range(2000))
    path = tmp_path / "a.csv"
    path.write_text("prompt\n" + "\n".join(rows))

    def check(fields: Mapping[str, Any]) -> PromptCheck:
        return PromptCheck(is_blocked=bool(refused) and fields["prompt"].endswith(refused))

    plan = plan_batch(read_rows(path), PlanOptions(), check=check)
    assert (len(plan.rows), plan.totals()["expected_refusals"]) == (2000, 200 if refused else 0)
    assert len(compared) < 2000 * most


def test_the_neighbour_of_a_late_refusal_is_marked_although_all_rows_end_with_the_same_style() -> None:
    style = (
        "shot on film with natural light, shallow focus, gentle camera movement, warm colours, "
        "high detail, calm background music and a slow zoom towards the horizon"
    )

    def subject(number: int) -> str:
        return " ".join(
            hashlib.sha256(f"{number} {word}".encode()).hexdigest()[:7].translate(_LETTERS)
            for word in range(9)
        )

    texts = [f"{subject(number)}, {style}" for number in range(60)]
    *kept, _, _ = subject(24).split()
    texts[50] = f"{' '.join(kept)} other {subject(24).split()[-1]}, {style}"
    assert SimilarTexts(texts).neighbours_of_any(range(25), range(25, 60)) == {50: 24}


_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def test_a_row_of_the_template_of_many_refusals_is_marked() -> None:
    texts = [f"Scene {n:06} of our film about a harbour at dusk" for n in range(80)]
    assert set(SimilarTexts(texts).neighbours_of_any(range(40), range(40, 80))) == set(range(40, 80))


def test_neighbours_of_many_texts_are_those_of_each_of_them() -> None:
    words = [
        "harbour",
        "tram",
        "kite",
        "potter",
        "snow",
        "lavender",
        "chess",
        "paper",
        "lantern",
        "grocer",
        "quarrel",
        "window",
    ]
    texts = [" ".join(words[(n * k) % 12] for k in range(1, 5)) + f" {n // 6}" for n in range(60)]
    similar = SimilarTexts(texts)
    some, others = range(0, 60, 12), [n for n in range(60) if n % 12]
    found = similar.neighbours_of_any(some, others)
    assert set(found) == {near for text in some for near in similar.neighbours(text, others)}
    assert found
    assert all(other in similar.neighbours(text, others) for other, text in found.items())


@given(
    st.integers(0, 50),
    st.integers(0, 20),
    st.lists(st.tuples(st.integers(0, 20), st.none() | st.floats(0, 1), st.booleans()), max_size=60),
)
@settings(max_examples=50, deadline=None)
def test_the_ceiling_is_never_exceeded(
    limit: int, max_jobs: int, creates: list[tuple[int, float | None, bool]]
) -> None:
    ceiling = CostCeiling(limit, max_jobs)
    waiting: list[tuple[int, float | None]] = []
    for worst, share, later in creates:
        if ceiling.reserve(worst):
            waiting.append((worst, share))
        while waiting and not later:
            reserved, part = waiting.pop()
            ceiling.settle(reserved, None if part is None else int(reserved * part))
        assert ceiling.spent + ceiling.reserved <= limit
        assert ceiling.jobs <= max_jobs
    assert ceiling.reserved == sum(worst for worst, _ in waiting)


def reason_of(blocks: list[bool], max_refusals: int) -> str:
    rules = StopRules(max_refusals=max_refusals)
    for blocked in blocks:
        rules.record(blocked=blocked)
    return rules.reason


@given(st.lists(st.booleans(), max_size=300))
def test_more_than_5_blocks_in_the_first_20_rows_or_10_percent_of_all_at_a_later_block_stop_a_batch(
    blocks: list[bool],
) -> None:
    rules = StopRules()
    stopped = False
    for number, blocked in enumerate(blocks, start=1):
        rules.record(blocked=blocked)
        total = sum(blocks[:number])
        stopped |= blocked and (total > 5 if number <= 20 else 10 * total > number)
        assert bool(rules.reason) == stopped


@given(st.lists(st.booleans(), max_size=100), st.integers(0, 60), st.integers(1, 100))
def test_rows_that_were_not_blocked_never_stop_a_batch(
    blocks: list[bool], max_refusals: int, more: int
) -> None:
    reason = reason_of(blocks, max_refusals)
    assert reason_of([*blocks, *[False] * more], max_refusals) == reason


@given(st.lists(st.booleans(), max_size=300), st.integers(0, 60), st.integers(0, 60))
def test_a_higher_limit_of_refusals_never_stops_a_batch_earlier(
    blocks: list[bool], limit: int, more: int
) -> None:
    assert reason_of(blocks, limit) or not reason_of(blocks, limit + more)


@each_row
def test_the_limit_of_refusals_is_a_number_at_first_and_a_share_later(
    max_refusals: int, ended: int, blocked: int, stops: bool
) -> None:
    rules = StopRules(max_refusals=max_refusals, ended=ended - 1, blocked=blocked - 1)
    rules.record(blocked=True)
    assert bool(rules.reason) == stops


def test_a_wrong_row_is_compared_with_no_other_unless_its_words_are_blocked(tmp_path: Path) -> None:
    words = "two men fight under a wide stone bridge"
    rows = [
        {"prompt": words, "seconds": "four", "model": "wan"},
        {"prompt": words, "seconds": 4, "model": "wan"},
        {"prompt": f"{words}!", "seconds": 4, "model": "wan"},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    source = read_rows(path)
    allowed = plan_batch(source, PlanOptions(), check=lambda _: PromptCheck())
    assert [each.near_duplicate_of for each in allowed.rows] == [None, None, 2]
    blocked = plan_batch(
        source, PlanOptions(), check=lambda fields: PromptCheck(is_blocked=fields["seconds"] == "four")
    )
    assert blocked.sendable == []
