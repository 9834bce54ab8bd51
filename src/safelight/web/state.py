"""What one app holds while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from safelight.api.sse import Watcher

from .services import Services
from .thread_pool import Threads


@dataclass(frozen=True, kw_only=True)
class AppState:
    services: Services
    threads: Threads
    watcher: Watcher


def state_of(request: Request) -> AppState:
    state: AppState = request.app.state.safelight
    return state
