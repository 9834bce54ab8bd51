"""What one app holds while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from .events import Watcher
from .services import Services
from .threads import Threads


@dataclass(frozen=True, kw_only=True)
class AppState:
    services: Services
    threads: Threads
    watcher: Watcher


def state_of(request: Request) -> AppState:
    state: AppState = request.app.state.safelight
    return state
