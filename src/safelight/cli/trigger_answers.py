"""What a test of a trigger search answers, and the command that answers with its exit code."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from safelight.core.errors import ConfigurationError, SafelightError

from .language import join_sentences
from .output import Exit

#: Exit codes of the command that judges a text, as `safelight check` has them.
_ACCEPTED, _REFUSED = int(Exit.OK), int(Exit.BLOCKED)


@dataclass(frozen=True, kw_only=True)
class TriggerAnswer:
    """The answer to one test, and what it cost."""

    #: None: the test failed and is no answer, but may have cost something.
    refused: bool | None
    #: The video that the test made at a gateway; empty for a command.
    video: str = ""
    charged: str = "no"
    #: US dollars, if known.
    usd: float | None = None
    #: The provider refused the finished video.
    at_output: bool = False
    #: Why a failed test gave no answer.
    problem: str = ""

    @classmethod
    def read(cls, row: Any) -> TriggerAnswer | None:
        """The answer in a row of a record; None if the row has none."""
        if not isinstance(row, dict) or not (row.get("refused") is None or isinstance(row["refused"], bool)):
            return None
        usd = row.get("usd")
        return cls(
            refused=row.get("refused"),
            video=str(row.get("video") or ""),
            charged=str(row.get("charged") or "no"),
            usd=float(usd) if isinstance(usd, int | float) else None,
            at_output=row.get("at_output") is True,
            problem=str(row.get("problem") or ""),
        )


class TriggerJudge(Protocol):
    """Answers whether a filter refuses a text."""

    @property
    def name(self) -> str:
        """What the record of a search belongs to, beside the prompt."""

    @property
    def costs(self) -> bool:
        """Whether the cost of the tests is known here."""

    def require_price(self, answer: TriggerAnswer) -> None:
        """Raise `SafelightError` if the test was charged more than its price."""

    def ask(
        self, text: str, key: str, earlier: Sequence[TriggerAnswer], before_paid: Callable[[], None]
    ) -> TriggerAnswer:
        """The answer. `earlier`: all tests before, also failed ones.

        `before_paid` is called just before what may cost something. The same `key` costs only once for as
        long as the gateway keeps keys.

        Raises `SafelightError` if the test cannot be made.
        """


class TriggerCommand:
    """The command that accepts or refuses a text. What its tests cost is not known."""

    costs = False

    def __init__(self, words: Sequence[str], name: str, timeout_s: float) -> None:
        self._words = words
        self._timeout_s = timeout_s
        self.name = name

    def require_price(self, answer: TriggerAnswer) -> None:
        pass

    def ask(
        self, text: str, key: str, earlier: Sequence[TriggerAnswer], before_paid: Callable[[], None]
    ) -> TriggerAnswer:
        name = self._words[0] if self._words else ""
        try:
            done = subprocess.run(
                self._words,
                input=text.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=self._timeout_s,
                # Ctrl-C at the terminal lets the running test end.
                start_new_session=True,
            )
        except (OSError, IndexError) as error:
            raise ConfigurationError(f"The command {name!r} cannot be run: {error}.") from error
        except subprocess.TimeoutExpired as error:
            raise SafelightError(f"The command {name!r} gave no answer in {self._timeout_s:g} s.") from error
        if done.returncode not in (_ACCEPTED, _REFUSED):
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise SafelightError(
                join_sentences([f"The command {name!r} ended with exit code {done.returncode}.", *said[-1:]]),
                remedy=f"Exit code {_ACCEPTED} means accepted, {_REFUSED} refused.",
            )
        return TriggerAnswer(refused=done.returncode == _REFUSED)
