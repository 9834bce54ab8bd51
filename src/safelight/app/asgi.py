"""The ASGI app of the gateway: the HTTP API with the web pages mounted on it."""

from __future__ import annotations

from fastapi import FastAPI

from safelight.web.api.app import create_app
from safelight.web.auth import AppState
from safelight.web.console.routes import Console
from safelight.web.console.services import ConsoleServices
from safelight.web.services import Services


def build_app(services: Services, pages: ConsoleServices) -> FastAPI:
    """The HTTP API and the web pages with one shared state, so that they share one thread pool."""
    state = AppState.of(services)
    console = Console(state, pages)
    app = create_app(state, error_page=console.error_page)
    console.mount(app)
    return app
