"""What providers say when their own filter refuses, normalised: one file per provider.

A reader takes a decoded body and says what it means, or None: "this is no refusal".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from safelight.generation.protocol import Refusal

from . import openai

#: A provider's decoded body in, the refusal it states out; None where it states none.
Reader = Callable[[Mapping[str, Any]], Refusal | None]

READERS: Mapping[str, Reader] = {"openai": openai.read}


def read(body: object, *, providers: Iterable[str] = READERS) -> Refusal | None:
    """The refusal in a provider's decoded body, by the first of these providers' readers that knows it."""
    if not isinstance(body, Mapping):
        return None
    return next((found for name in providers if (found := READERS[name](body))), None)
