"""A small server whose answers a test writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Status, headers and body of an answer; an object is sent as JSON.
Reply = tuple[int, dict[str, str], Any]


class FixedServer:
    """`answers["GET /v1/videos"]` is a reply, or a function of the headers of the request."""

    def __init__(self) -> None:
        self.answers: dict[str, Reply | Callable[[dict[str, str]], Reply]] = {}
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.url = ""

    def reply(self, call: str, headers: dict[str, str], body: bytes) -> Reply:
        self.requests.append((call, headers, body))
        found = self.answers.get(call, (404, {}, {"detail": "Not Found"}))
        return found(headers) if callable(found) else found

    def calls(self, call: str) -> int:
        return sum(each == call for each, _, _ in self.requests)
