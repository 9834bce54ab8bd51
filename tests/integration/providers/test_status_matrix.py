"""What a status is taken for, whatever word says so."""

from __future__ import annotations

from support.status_matrix import observe_all, read_rows


def test_a_status_is_taken_for_what_the_table_says() -> None:
    assert list(observe_all()) == read_rows()


def test_a_finished_clip_is_never_given_up_for_its_word_and_a_failure_never_waits() -> None:
    for row in read_rows():
        if row.word in ("completed", "succeed", "polished") and row.says.endswith("clip there"):
            # An unknown word without another sign of an end goes on until the deadline.
            expected = "running" if row.word == "polished" and "without content" in row.says else "done"
            assert row.taken_for == expected, row
        if row.word in ("failed", "Fail") or (
            row.word == "polished" and row.says in ("an error", "a refusal")
        ):
            assert row.taken_for in ("failed", "refused"), row
