"""Main program of a `ModelProcess`, started as `python -m safelight.detectors.models.worker`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import msgspec

from safelight.media.sandbox.entrypoints import EntryPoint


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until the input ends. The first request names the factory to load."""
    handler: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    while (length := requests.read(4)) and len(length) == 4:
        request = msgspec.msgpack.decode(requests.read(int.from_bytes(length, "big")))
        try:
            if handler is None:
                factory = msgspec.convert(request["factory"], EntryPoint).load()
                handler = factory(request["options"])
                answer: dict[str, Any] = {"ready": True}
            else:
                answer = handler(request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".rstrip(": ")}
        data = msgspec.msgpack.encode(answer)
        answers.write(len(data).to_bytes(4, "big") + data)
        answers.flush()


def main() -> None:
    # Libraries may print to stdout. Therefore answers go to a copy of stdout, and stdout itself is redirected
    # to stderr.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
