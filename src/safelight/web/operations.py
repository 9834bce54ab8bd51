"""Operations: verbs of a resource with their views and statuses. `operation_routes` offers them over HTTP."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Concatenate, TypeVar, get_type_hints

from safelight.accounts import KeyScope

_R = TypeVar("_R")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`call` takes what it acts on, the principal, the parameters of the path, and a record of the query or
    body.
    """

    call: Callable[..., Any]
    method: str
    path: str
    name: str
    summary: str
    description: str | None
    #: The view of the result; None for an operation that answers with nothing.
    shows: Callable[..., Any] | None
    #: Whether `shows` also takes the principal who reads the view.
    for_reader: bool
    #: When the result is None although there is a view.
    nothing: str
    statuses: tuple[int, ...]

    @property
    def view(self) -> Any:
        return None if self.shows is None else get_type_hints(self.shows)["return"]


class Operations:
    """The operations of one resource. A principal needs one of `scopes`."""

    def __init__(
        self,
        prefix: str,
        *,
        tag: str,
        scopes: tuple[KeyScope, ...],
        statuses: tuple[int, ...] = (),
        of: Callable[[Any], Any] = lambda services: services,
    ) -> None:
        self.prefix = prefix
        self.tag = tag
        self.scopes = scopes
        self.statuses = statuses
        #: What the operations act on: all services, or the one whose methods they are.
        self.of = of
        self._all: list[Operation] = []

    def __iter__(self) -> Iterator[Operation]:
        return iter(self._all)

    def add(
        self,
        route: str,
        summary: str,
        call: Callable[..., _R | None],
        *statuses: int,
        shows: Callable[Concatenate[_R, ...], Any] | None = None,
        for_reader: bool = False,
        description: str | None = None,
        nothing: str = "",
        name: str = "",
    ) -> None:
        """Add the operation `METHOD path`, which may answer with the statuses besides those of all routes."""
        method, _, path = route.partition(" ")
        made = Operation(
            call=call,
            method=method,
            path=path,
            name=name or call.__name__,
            summary=summary,
            description=description,
            shows=shows,
            for_reader=for_reader,
            nothing=nothing,
            statuses=(*self.statuses, *statuses),
        )
        self._all.append(made)


def inputs_of(call: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """What a caller sends: all parameters after the principal, with their annotations."""
    hints = get_type_hints(call, include_extras=True)
    named = list(inspect.signature(call).parameters.items())[2:]
    return {name: one.replace(annotation=hints[name]) for name, one in named}
