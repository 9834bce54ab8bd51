"""What a local check of a prompt found. The check itself is given by the caller: this package has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, kw_only=True)
class PromptCheck:
    """The verdict of a local policy on one row. Nothing was sent."""

    is_blocked: bool = False
    #: Why it is blocked or would be held, in one sentence.
    reason: str = ""
    #: Risk that the filter of the provider refuses it, in one word; empty if it is not known.
    risk: str = ""
    #: The answer of the gate of help: `help`, `ask` or `refuse`; empty if it is not known.
    answer: str = ""
    #: The question of `ask` or the sentence of `refuse`; empty for `help`.
    no_help: str = ""


#: Checks the fields of one row.
Checker: TypeAlias = Callable[[Mapping[str, Any]], PromptCheck]
