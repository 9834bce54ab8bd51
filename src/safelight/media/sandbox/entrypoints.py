"""Entry points of child processes: functions that the gateway names and another process imports and calls.

A child gets the name of a function over a pipe, not the function. `EntryPoint.of` takes the name from the
function itself, so that type checks, renames and import contracts can follow what the gateway runs in a
child. Modules with entry points import av, cv2 and other large libraries only inside their functions, because
the gateway imports these modules too and must not load those libraries.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec


class EntryPoint(msgspec.Struct, frozen=True):
    """The name of a function and of its module.

    In a sandboxed child it is called with `(argument, channel)`.
    """

    module: str
    function: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> EntryPoint:
        """The entry point for a function.

        Raises `ValueError` if another process could not import the function by its name.
        """
        name = function.__qualname__
        if not name.isidentifier() or function.__module__ == "__main__":
            raise ValueError(f"{function.__module__}.{name} cannot be imported by another process")
        return cls(function.__module__, name)

    def load(self) -> Callable[..., Any]:
        """The function that this entry point names; imports its module."""
        function: Callable[..., Any] = getattr(import_module(self.module), self.function)
        return function


def noop(_argument: Any, _channel: Any) -> None:
    """Does nothing. Calling it shows whether a child starts and how it is confined."""


NOOP = EntryPoint.of(noop)
