"""The state of one running app, shared by the HTTP API and the web pages."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from .provenance import ProvenanceDoor
from .services import Services
from .thread_pool import Threads


@dataclass(frozen=True, kw_only=True)
class AppState:
    services: Services
    threads: Threads
    #: Runs `POST /v1/videos/check`. Further checks wait in order of arrival.
    check_threads: Threads
    #: Runs `GET /readyz`, which is answered also if all other threads wait for the database.
    readiness_threads: Threads
    provenance: ProvenanceDoor

    @classmethod
    def of(cls, services: Services) -> AppState:
        """The state for `services`, with thread pools of the sizes that it names."""
        threads = Threads(services.threads)
        return cls(
            services=services,
            threads=threads,
            provenance=ProvenanceDoor(
                services.provenance, threads, answer_after_s=services.provenance_answer_s
            ),
            check_threads=Threads(services.max_concurrent_checks),
            readiness_threads=Threads(4),
        )


def app_state(request: Request) -> AppState:
    state: AppState = request.app.state.safelight
    return state
