"""Base class of the page handlers: authentication, permissions, forms and rendering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from safelight.errors import Conflict, Unauthenticated
from safelight.trust.accounts import KeyScope, Principal
from safelight.web.auth import (
    COOKIE,
    TENANT_COOKIE,
    Access,
    AppState,
    Endpoint,
    act_in_chosen_tenant,
    check_same_origin,
    choose_tenant,
    declare,
    refuse_tenant_header,
)
from safelight.web.request_body import Body, read_body
from safelight.web.services import Services
from safelight.web.standing import StandingServices

from .login import redirect_to_login
from .render import Pages
from .services import ConsoleServices
from .translations import Translations

Handler = Callable[[Request, Principal], Awaitable[Response]]
#: The hidden field with the tenant that the page of a form showed, where nothing else in the form names it.
SHOWN_TENANT = "shown_tenant"
FRAGMENT_MEDIA_TYPE = "text/x-fragment"


class PageHandler:
    """Base class of all page handlers that need services."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        self.state = state
        self.pages = pages
        self.console = console
        self.run = state.threads.run

    @property
    def services(self) -> Services:
        return self.state.services

    @property
    def standing(self) -> StandingServices:
        return self.services.require_standing()

    def translations(self, request: Request) -> Translations:
        return self.pages.translations(request)

    def wants_fragment(self, request: Request) -> bool:
        """Whether a script requests only the fragment of the page that changes."""
        return request.headers.get("accept", "").startswith(FRAGMENT_MEDIA_TYPE)

    async def current_principal(self, request: Request) -> Principal | None:
        """The signed-in person; None without a valid session cookie."""
        cookie = request.cookies.get(COOKIE)
        if not cookie:
            return None
        try:
            return await self.run(self.services.accounts.sessions.authenticate, cookie)
        except Unauthenticated:
            return None

    def protected(
        self, handler: Handler, *scopes: KeyScope, any_of: Iterable[KeyScope] = (), at_home: bool = False
    ) -> Endpoint:
        """Wrap a handler: a request needs a session with all `scopes` and one of `any_of`.

        It must also come from our own origin. `at_home`: the person acts in the own tenant, also if another
        one is chosen.
        """
        access = Access(every=frozenset(scopes), any_of=frozenset(any_of))

        async def endpoint(request: Request) -> Response:
            principal = await self.current_principal(request)
            if principal is None:
                if request.method == "GET":
                    return redirect_to_login(request)
                raise Unauthenticated("You are not signed in.", remedy="Sign in.")
            check_same_origin(request)
            refuse_tenant_header(request)
            # A page that needs only a session is about the person, who belongs to the own tenant.
            acts = access != Access() and not at_home
            if acts:
                principal = await act_in_chosen_tenant(
                    request, principal, self.services.accounts, self.state.threads
                )
            access.require(principal)
            request.state.tenant = principal.tenant
            response = await handler(request, principal)
            if acts and principal.manager is None and TENANT_COOKIE in request.cookies:
                # An old choice: this page showed the own tenant, so that its forms belong to it.
                choose_tenant(response, request, "")
            return response

        return declare(access, endpoint)

    async def read_form(self, request: Request) -> dict[str, str]:
        """The text fields of a form. Files are left out.

        Raises `Conflict` if the page of the form showed another tenant: the person has changed it in another
        tab since.
        """
        async with read_body(request, self.services) as body:
            form = text_fields(body)
        tenant = getattr(request.state, "tenant", "")
        if form.pop(SHOWN_TENANT, tenant) != tenant:
            raise Conflict(
                "This page belongs to another tenant than the one in which you act now.",
                remedy="Nothing was changed. Open the page again.",
            )
        return form

    async def render_page(
        self,
        request: Request,
        template: str,
        principal: Principal | None = None,
        status: int = 200,
        **values: Any,
    ) -> Response:
        return await self.pages.render(request, template, values, principal=principal, status=status)

    def redirect(self, path: str) -> Response:
        """Redirect to another page after a form was submitted."""
        return RedirectResponse(path, status_code=303)


def text_fields(body: Body) -> dict[str, str]:
    return {name: value for name, value in body.fields.items() if isinstance(value, str)}
