"""Many pictures through a model in batches; where memory runs out, in smaller ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: How runtimes say that a batch was too large.
_SAID = ("out of memory", "failed to allocate", "bad_alloc", "cudaerrormemoryallocation")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller batch may do where this one failed."""
    return isinstance(error, MemoryError) or any(said in str(error).lower() for said in _SAID)


def in_batches(items: Sequence[T], run: Callable[[Sequence[T]], Sequence[R]], *, size: int) -> list[R]:
    """`run` over all items, `size` at a time; a batch that memory does not hold is halved, as are the next.

    Raises what `run` raises where even a single item does not fit, or for another reason.
    """
    done: list[R] = []
    while len(done) < len(items):
        part = items[len(done) : len(done) + size]
        try:
            answers = run(part)
        except Exception as error:
            if size == 1 or not is_out_of_memory(error):
                raise
            size = max(len(part) // 2, 1)
            continue
        if len(answers) != len(part):
            raise ValueError(f"{len(answers)} answers to {len(part)} pictures")
        done += answers
    return done
