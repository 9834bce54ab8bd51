"""The recorder of behaviour: what it masks, how it reads a page, and which differences it accepts."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.golden.commands import commands_in
from bench.golden.dom_text import dom_text, hidden_value, links
from bench.golden.masks import mask_text, mask_value, masked_json
from bench.golden.player import Step, one_time_code, read_play
from bench.golden.recording import Comparison, read_blocks, read_changes, read_recording, write_recording

from support.rows import each_row

ID = "01a20773345b71d481c42ae2f06f515c"
PAGE = """<html lang="en"><head><title>Lake</title><style>p {}</style></head><body>
<h1>A  lake</h1><p>Text &amp; <a href="/next">more</a></p>
<form action="/go" method="post"><input type="hidden" name="secret" value="s1"><button>Go</button></form>
<script>ignored()</script></body></html>"""


@each_row
def test_unstable_parts_of_a_text_are_masked_and_the_others_stay(text: str, masked: str) -> None:
    assert mask_text(text, (("/tmp/x", "<folder>"),)) == masked


def test_unstable_values_are_masked_by_their_field_and_size() -> None:
    value = {
        "created_at": 1795395306,
        "elapsed_ms": 4,
        "progress": 100,
        "secret": "s",
        "none": None,
        "score": 0.123456,
    }
    assert mask_value(value) == {
        "created_at": "<number>",
        "elapsed_ms": "<int>",
        "progress": 100,
        "secret": "<str>",
        "none": None,
        "score": 0.123,
    }


def test_json_is_sorted_and_short_values_have_one_line() -> None:
    assert masked_json({"b": [1, 2], "a": {"c": None}}) == '{"a": {"c": null}, "b": [1, 2]}'
    lines = masked_json({"long": ["x " * 30, "y " * 30]}).split("\n")
    assert [line.strip()[:8] for line in lines] == ["{", '"long": ', '"x x x x', '"y y y y', "]", "}"]


def test_a_page_is_read_as_texts_links_and_controls() -> None:
    assert dom_text(PAGE).split("\n") == [
        '<html> lang="en"',
        "Lake",
        "<h1>",
        "A lake",
        "Text & [/next] more",
        '<form> action="/go" method="post"',
        '<input> name="secret" type="hidden" value="s1"',
        "Go",
    ]
    assert links(PAGE) == ["/next"]
    assert hidden_value(PAGE, "secret") == "s1"
    with pytest.raises(LookupError):
        hidden_value(PAGE, "other")


def test_the_code_of_an_authenticator_has_six_digits() -> None:
    code = one_time_code("JBSWY3DPEHPK3PXP")
    assert len(code) == 6
    assert code.isdigit()


def test_a_play_names_each_step_once(tmp_path: Path) -> None:
    play = tmp_path / "play.yaml"
    play.write_text(
        "- send: GET /healthz\n- {name: make, send: POST /v1/videos, as: colleague, json: {a: 1}}\n"
    )
    first, second = read_play(play)
    assert first == Step(name="GET /healthz", method="GET", path="/healthz")
    assert (second.actor, second.json) == ("colleague", {"a": 1})
    play.write_text("- send: GET /healthz\n- send: GET /healthz\n")
    with pytest.raises(ValueError, match="GET /healthz"):
        read_play(play)


def test_the_recording_of_postgres_has_only_what_differs(tmp_path: Path) -> None:
    write_recording(tmp_path, "sqlite", "answers", {"one": "a  \nb", "two": "### c"})
    write_recording(tmp_path, "postgres", "answers", {"one": "a\nb", "two": "d"})
    assert read_blocks(tmp_path / "postgres" / "answers.txt") == {"two": "d"}
    assert read_recording(tmp_path, "postgres", "answers") == {"one": "a\nb", "two": "d"}
    assert read_recording(tmp_path, "sqlite", "answers") == {"one": "a\nb", "two": "\\### c"}


def test_a_difference_is_covered_by_an_entry_or_shown(tmp_path: Path) -> None:
    changes = tmp_path / "changes.yaml"
    changes.write_text(
        "- {part: answers, pattern: 'docs/[a-z]+', reason: pages}\n- {part: help, block: all, reason: o}\n"
    )
    allowed = read_changes(changes)
    found = Comparison()
    found.add(
        "answers",
        {"a": "see docs/one", "b": "same", "c": "x"},
        {"a": "see docs/two", "b": "same", "c": "y"},
        allowed,
    )
    found.add("help", {"all": "b\n\na", "gone": "x"}, {"all": "a\nb", "new": "y"}, allowed)
    assert found.equal == 1
    assert dict(found.covered) == {"pages": 1, "o": 1}
    assert [diff.split("\n")[0] for diff in found.uncovered] == [
        "--- answers: c",
        "--- help: gone",
        "--- help: new",
    ]
    changes.write_text("- {reason: x, pattern: y}\n" * 61)
    with pytest.raises(ValueError, match="61"):
        read_changes(changes)


def test_commands_are_read_from_all_groups_of_a_help_text() -> None:
    text = """Usage: safelight [OPTIONS] COMMAND [ARGS]...

  The stack for any
  generator.

Options:
  --help  Show this message.

Try:
  check      Check a prompt, and
             explain it.
Decide
  hash-lists  Import lists.
"""
    assert commands_in(text) == ["check", "hash-lists"]
