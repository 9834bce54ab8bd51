"""Ctrl-C while a create is sent: its answer is awaited, but not the pause before the next try."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from safelight_client.steps import Call, Ended, Interrupted, Pause, advance, stop

T = TypeVar("T")
#: A pause is divided into parts of this length, and ends after the part in which Ctrl-C was pressed.
_PART_S = 0.1


def end_at_pauses(call: Call[T], is_interrupted: Callable[[], bool]) -> Call[T]:
    """The same call; once `is_interrupted`, `Interrupted` is thrown into it at its next pause."""
    outcome: object = None
    try:
        while not isinstance(step := advance(call, outcome), Ended):
            if not isinstance(step, Pause):
                try:
                    outcome = yield step
                except Exception as error:
                    outcome = error
                continue
            left = step.seconds
            while left > 0 and not is_interrupted():
                yield Pause(seconds=min(left, _PART_S))
                left -= _PART_S
            outcome = Interrupted() if is_interrupted() else None
    except BaseException as error:
        stop(call, error)
        raise
    result: T = step.result
    return result
