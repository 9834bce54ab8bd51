"""The console put together: which page answers where."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from safelight.errors import SafelightError
from safelight.trust.accounts import KeyScope
from safelight.web.auth import check_same_origin
from safelight.web.request_body import read_body
from safelight.web.state import AppState

from .appeal_pages import AppealPages
from .coverage_pages import CoveragePages
from .handler import PageHandler
from .login import Login, local
from .policy_pages import PolicyPages
from .provider_error_pages import ProviderErrorPages
from .render import THEME_COOKIE, THEMES, Pages
from .review_pages import ReviewPages
from .services import ConsoleServices
from .settings_pages import SettingsPages
from .studio_pages import StudioPages
from .translations import COOKIE as LANGUAGE_COOKIE
from .translations import languages
from .verify_pages import VerifyPages
from .video_list_pages import VideoListPages
from .video_pages import VideoPages

_log = logging.getLogger(__name__)
_YEAR_S = 31_536_000


class Console:
    """Everything a browser is shown. It asks the same services as the API, as the same principals."""

    def __init__(self, state: AppState, services: ConsoleServices) -> None:
        self._state = state
        self._services = services
        self._pages = Pages(state)

    def mount(self, app: FastAPI) -> None:
        """Add the pages to the app."""
        parts = (self._state, self._pages, self._services)
        guard = PageHandler(*parts).protected
        login, ordering, listing = (
            Login(self._state, self._pages, self._services.clock),
            StudioPages(*parts),
            VideoListPages(*parts),
        )
        showing, verifying, decoding = VideoPages(*parts), VerifyPages(*parts), ProviderErrorPages(*parts)
        reviewing, covering = ReviewPages(*parts), CoveragePages(*parts)
        appealing = AppealPages(*parts)
        managing, policing = SettingsPages(*parts), PolicyPages(*parts)
        read, write, admin, policy = (
            KeyScope.VIDEOS_READ,
            KeyScope.VIDEOS_WRITE,
            KeyScope.ADMIN,
            KeyScope.POLICY,
        )
        table: list[tuple[str, str, Any]] = [
            ("GET", "/", guard(ordering.studio, read)),
            ("POST", "/", guard(ordering.create, write)),
            ("POST", "/check", guard(ordering.check, KeyScope.CHECKS)),
            ("GET", "/videos", guard(listing.videos, read)),
            ("GET", "/videos/{video_id}", guard(showing.video, read)),
            ("GET", "/videos/{video_id}/report", guard(showing.report_form, read)),
            ("POST", "/videos/{video_id}/report", guard(showing.report, read)),
            ("GET", "/videos/{video_id}/appeal", guard(appealing.form_page, read)),
            ("POST", "/videos/{video_id}/appeal", guard(appealing.appeal, read)),
            ("GET", "/verify", verifying.show),
            ("POST", "/verify", verifying.verify),
            ("GET", "/decode", decoding.show),
            ("POST", "/decode", decoding.decode),
            ("GET", "/review", guard(reviewing.cases)),
            ("GET", "/review/{case_id}", guard(reviewing.case)),
            ("POST", "/review/{case_id}", guard(reviewing.decide)),
            ("POST", "/review/{case_id}/reveal", guard(reviewing.reveal)),
            ("GET", "/coverage", guard(covering.coverage, read)),
            ("GET", "/policy", guard(policing.show, policy)),
            ("POST", "/policy", guard(policing.act, policy)),
            ("GET", "/settings", guard(managing.settings, admin)),
            ("POST", "/settings/keys", guard(managing.make_key, admin)),
            ("POST", "/settings/keys/{key_id}/revoke", guard(managing.end_key, admin)),
            ("POST", "/settings/webhooks", guard(managing.make_webhook, admin)),
            ("POST", "/settings/webhooks/{endpoint_id}", guard(managing.webhook, admin)),
            ("GET", "/login", login.show),
            ("POST", "/login", login.redeem),
            ("POST", "/logout", login.sign_out),
            ("POST", "/theme", self.theme),
            ("POST", "/language", self.language),
            ("GET", "/static/{version}/{name}", self.static),
        ]
        app.router.routes += [Route(path, endpoint, methods=[method]) for method, path, endpoint in table]

    async def theme(self, request: Request) -> Response:
        """Keep the choice of colours and go back to the page."""
        return await self._keep(request, "theme", THEME_COOKIE, THEMES)

    async def language(self, request: Request) -> Response:
        """Keep the choice of language and go back to the page."""
        return await self._keep(request, "language", LANGUAGE_COOKIE, tuple(languages()))

    async def static(self, request: Request) -> Response:
        return self._pages.static(request)

    async def error_page(
        self, request: Request, error: SafelightError | None, response: Response
    ) -> Response:
        """The page in place of an error's JSON if a browser asks for HTML outside `/v1`; else `response`."""
        if request.url.path.startswith("/v1/") or "text/html" not in request.headers.get("accept", ""):
            return response
        try:
            return await self._error_page(request, error, response)
        except Exception as trouble:
            # The page reads the database for its banner; if that fails, the plain response is enough.
            _log.error("The error page could not be made: %r", trouble)
            return response

    async def _error_page(
        self, request: Request, error: SafelightError | None, response: Response
    ) -> Response:
        """The error with its id and a next step."""
        status = response.status_code
        values: dict[str, Any] = {"status": status, "kind": _kind(status), "error": error}
        page = await self._pages.render(request, "error.html", values, status=status)
        for name in ("retry-after", "allow", "x-should-retry", "www-authenticate"):
            if name in response.headers:
                page.headers[name] = response.headers[name]
        return page

    async def _keep(self, request: Request, field: str, cookie: str, known: tuple[str, ...]) -> Response:
        check_same_origin(request)
        async with read_body(request, self._state.services) as body:
            chosen = str(body.fields.get(field, ""))
            back = str(body.fields.get("back", "/"))
        response = RedirectResponse(local(back), status_code=303)
        if chosen in known:
            response.set_cookie(cookie, chosen, max_age=_YEAR_S, samesite="strict", path="/")
        return response


def _kind(status: int) -> str:
    known = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 410: "not_found", 429: "limited"}
    if status in known:
        return known[status]
    if status == 503:
        return "unavailable"
    return "input" if status < 500 else "fault"
