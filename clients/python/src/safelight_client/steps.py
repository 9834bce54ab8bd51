"""What a call of the API does, as steps: a generator yields them, and a transport performs them.

So the synchronous and the asynchronous client share one implementation of every call. Steps are named tuples,
which Python defines five times faster than dataclasses: the import has to be fast.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from .video import Video

#: One part of a form: name, file name (None for a value), content, media type.
Part: TypeAlias = tuple[str, tuple[str | None, bytes | str] | tuple[str | None, bytes | str, str]]


_NONE: Mapping[str, str] = MappingProxyType({})


class Send(NamedTuple):
    """Sends a request. The transport returns an `Answer` or throws `ConnectionFailed` into the generator."""

    method: str
    path: str
    query: Mapping[str, str] = _NONE
    headers: Mapping[str, str] = _NONE
    form: tuple[Part, ...] = ()
    #: Longest time for the whole response; None: the timeout of the client.
    timeout_s: float | None = None


class Pause(NamedTuple):
    """Waits."""

    seconds: float


class Show(NamedTuple):
    """Passes a video on to the progress callback or the iteration."""

    video: Video


class Answer(NamedTuple):
    """A response. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The decoded body; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


class Sink(Protocol):
    """Receives a download."""

    def begin(self, answer: Answer) -> None:
        """Called once with status and headers of a response with status 200 or 206."""

    def write(self, data: bytes) -> object:
        """Called for each piece of the body."""


class Fetch(NamedTuple):
    """Downloads into a sink. The transport returns an `Answer`, or throws as for `Send`."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    sink: Sink


class Interrupted(Exception):
    """Thrown into a call at a `Pause`: the program is ending. The call ends with the error it waited for."""


class Ended(NamedTuple):
    """A call has ended with this result."""

    result: Any


Step: TypeAlias = Send | Pause | Show | Fetch
T = TypeVar("T")
#: A call: yields steps, is sent their results, and returns the result of the call.
Call: TypeAlias = Generator[Step, Any, T]


def advance(call: Call[Any], outcome: object) -> Step | Ended:
    """The next step of a call after the outcome of the one before: a result, or an exception to throw."""
    try:
        return call.throw(outcome) if isinstance(outcome, Exception) else call.send(outcome)
    except StopIteration as end:
        return Ended(result=end.value)


def stop(call: Call[Any], error: BaseException) -> None:
    """Ends a call that is interrupted between its steps. It gets the exception, and settles what is open.

    For example Ctrl-C, a cancelled task, or an exception in the progress callback.
    """
    with suppress(BaseException):
        call.throw(error)
    call.close()
