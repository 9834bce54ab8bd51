"""Runs a model on pictures in batches. Halves the batch size when memory runs out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

#: Parts of the error messages with which runtimes report that a batch was too large for the memory.
_OUT_OF_MEMORY_MESSAGES = ("out of memory", "failed to allocate", "bad_alloc", "cudaerrormemoryallocation")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a call failed because memory ran out, so that a smaller batch may succeed."""
    return isinstance(error, MemoryError) or any(
        message in str(error).lower() for message in _OUT_OF_MEMORY_MESSAGES
    )


def run_in_batches(items: Sequence[T], run: Callable[[Sequence[T]], Sequence[R]], *, size: int) -> list[R]:
    """Apply `run` to all items, at most `size` at a time; after an out-of-memory error the size is halved.

    Raises what `run` raises if a single item does not fit, or for any other error.
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
            raise ValueError(f"the model returned {len(answers)} rows for {len(part)} pictures")
        done += answers
    return done
