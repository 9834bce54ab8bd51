"""Entry points of child processes: functions that the gateway names and another process imports and calls.

A child gets the name of a function over a pipe, not the function. `EntryPoint.of` makes the name from the
function itself, so that type checks, renames and the import contracts see what the gateway runs in a child.
Modules with entry points import av, cv2 and other large libraries only inside their functions: the gateway
imports these modules too and must not load those libraries.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import msgspec


class EntryPoint(msgspec.Struct, frozen=True):
    """A function of a module, by name. In a sandboxed child it is called with `(argument, channel)`."""

    module: str
    function: str

    @classmethod
    def of(cls, function: Callable[..., Any]) -> EntryPoint:
        """The entry point of a function. Raises `ValueError` if no other process could import it by name."""
        name = function.__qualname__
        if not name.isidentifier() or function.__module__ == "__main__":
            raise ValueError(f"{function.__module__}.{name} cannot be imported by another process")
        return cls(function.__module__, name)

    def load(self) -> Callable[..., Any]:
        """The function; imports its module."""
        function: Callable[..., Any] = getattr(import_module(self.module), self.function)
        return function


def noop(_argument: Any, _channel: Any) -> None:
    """Do nothing: shows whether a child starts, and how it is confined."""


NOOP = EntryPoint.of(noop)
