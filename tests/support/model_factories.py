"""Models that a model process loads in tests; they answer, fail, hang, die or print as configured."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any


def slow(_options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A model that takes a minute for every answer."""

    def answer(_request: dict[str, Any]) -> dict[str, Any]:
        time.sleep(60)
        return {}

    return answer


def opened(options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    calls = 0

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        match request["do"]:
            case "raise":
                raise ValueError("no")
            case "hang":
                time.sleep(60)
            case "exit":
                os._exit(3)
            case "print":
                sys.stdout.write("loading weights ...\n")
                sys.stdout.flush()
        return {"answer": options["answer"], "calls": calls}

    return answer
