"""`--json` of a command prints what the API answers."""

from __future__ import annotations

import pytest

from support.commands import Run

LIST = {"object": "list", "data": []}


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("library list", {**LIST, "has_more": False}),
    ],
)
def test_lists_have_the_form_of_the_api(run: Run, command: str, answer: dict[str, object]) -> None:
    assert run(*command.split()) == answer
