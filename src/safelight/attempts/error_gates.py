"""Error gates: the party that refused, by the error alone, for many attempts of a tenant."""

from __future__ import annotations

from .gate import Gate, gate_of_text

#: Characters of an error that are read.
MAX_ERROR_CHARS = 4_000
#: Characters of all different errors of one pass. Reading them takes 4 seconds at most; usual errors have
#: 200 characters.
MAX_ALL_ERROR_CHARS = 60_000


class ErrorGates:
    """The gates of the errors in one pass over attempts. Each error is read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Gate] = {}
        self._left = MAX_ALL_ERROR_CHARS

    def find(self, provider: str, error: str) -> Gate | None:
        """The gate of this error; None if it is a new one and the limit is reached."""
        key = (provider, error[:MAX_ERROR_CHARS])
        if key not in self._known:
            if len(key[1]) > self._left:
                return None
            self._left -= len(key[1])
            self._known[key] = gate_of_text(*key)
        return self._known[key]
