"""The state of one running app, shared by the HTTP API and the web pages."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from .services import Services
from .thread_pool import Threads


@dataclass(frozen=True, kw_only=True)
class AppState:
    services: Services
    threads: Threads

    @classmethod
    def of(cls, services: Services) -> AppState:
        """The state for `services`, with a thread pool of `services.threads` threads."""
        return cls(services=services, threads=Threads(services.threads))


def app_state(request: Request) -> AppState:
    state: AppState = request.app.state.safelight
    return state
