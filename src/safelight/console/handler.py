"""What every group of pages shares: who is asking, where they may go, and the page they get."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safelight.errors import Unauthenticated
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.auth import COOKIE, check_same_origin
from safelight.web.request_body import Body, read_body
from safelight.web.services import Services
from safelight.web.state import AppState

from .login import first
from .render import Pages
from .services import ConsoleServices
from .translations import Translations

Handler = Callable[[Request, Principal], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
PART = "text/x-part"


class PageHandler:
    """The base of the groups: each adds handlers of its own."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        self.state = state
        self.pages = pages
        self.console = console
        self.run = state.threads.run

    @property
    def services(self) -> Services:
        return self.state.services

    def words(self, request: Request) -> Translations:
        return self.pages.words(request)

    def wants_part(self, request: Request) -> bool:
        """Whether a script asks, for only the part of the page that changes."""
        return request.headers.get("accept", "").startswith(PART)

    async def who(self, request: Request) -> Principal | None:
        """The person behind the session cookie, if there is one."""
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            return await self.run(self.services.accounts.authenticate_session, cookie)
        except Unauthenticated:
            return None

    def protected(self, handler: Handler, *scopes: KeyScope) -> Endpoint:
        """An endpoint for people who are signed in, may do this, and came from our own pages."""

        async def endpoint(request: Request) -> Response:
            principal = await self.who(request)
            if principal is None:
                if request.method == "GET":
                    return first(request)
                raise Unauthenticated("You are not signed in.", remedy="Open a login link.")
            check_same_origin(request)
            for scope in scopes:
                principal.require(scope)
            return await handler(request, principal)

        return endpoint

    async def form(self, request: Request) -> dict[str, str]:
        """The texts of a plain form."""
        async with read_body(request, self.services) as body:
            return texts(body)

    async def page(
        self,
        request: Request,
        template: str,
        principal: Principal | None = None,
        status: int = 200,
        **values: Any,
    ) -> Response:
        return await self.pages.render(request, template, values, principal=principal, status=status)

    def redirect(self, path: str) -> Response:
        """On to another page of ours, after something was done."""
        return RedirectResponse(path, status_code=303)


def texts(body: Body) -> dict[str, str]:
    return {name: value for name, value in body.fields.items() if isinstance(value, str)}
