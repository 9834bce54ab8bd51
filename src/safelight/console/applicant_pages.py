"""Public pages: ask for access, read the decision, collect the key, and accept an invitation."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound, RateLimited, SafelightError
from safelight.i18n import load_messages
from safelight.ids import is_id
from safelight.trust.accounts.access import AccessRequest
from safelight.trust.accounts.access_texts import access_text
from safelight.trust.accounts.managed_tenants import GRANTED
from safelight.web.auth import AppState, check_same_origin
from safelight.web.rate_limit import RateLimiter
from safelight.web.request_body import read_short_form

from .render import PageHandler, Pages
from .services import ConsoleServices

#: Forms that one address may send, valid or not. Requests for access also have an hourly limit.
_MAX_FORMS, _FORMS_WINDOW_S = 30, 600.0
_FIELDS = ("name", "contact", "purpose")


class ApplicantPages(PageHandler):
    """Handlers that need no account. The token in an address identifies a request or an invitation."""

    def __init__(self, state: AppState, pages: Pages, console: ConsoleServices) -> None:
        super().__init__(state, pages, console)
        self._rate_limiter = RateLimiter(_MAX_FORMS, _FORMS_WINDOW_S)

    async def show(self, request: Request) -> Response:
        """The form; with a token, the state of the request."""
        token = request.query_params.get("token")
        if token is None:
            self._require_open()
            return await self._render(request, {})
        try:
            found = await self.run(self.standing.access.read, token)
        except NotFound as unknown:
            return await self._render(request, {}, problem=unknown)
        lines = await self._tenant_lines(found)
        return await self._render(request, {}, token=token, found=found, tenant_lines=lines)

    async def ask(self, request: Request) -> Response:
        form = await self._read(request)
        self._require_open()
        texts = {name: form.get(name, "") for name in _FIELDS}
        try:
            # A form with an error does not count.
            valid = {name: access_text(text, name) for name, text in texts.items()}
            self.standing.addresses.allow(request.client.host if request.client else "")
            make = partial(self.standing.access.request, self.standing.tenant(), **valid)
            _, token = await self.run(lambda: make())
        except (InvalidField, RateLimited) as problem:
            return await self._render(request, texts, problem=problem)
        return self.redirect("/access?" + urlencode({"token": token}))

    async def collect(self, request: Request) -> Response:
        """Show the key of an approved request, once."""
        token = (await self._read(request)).get("token", "")
        try:
            found, key = await self.run(self.standing.access.collect, token)
        except NotFound as unknown:
            return await self._render(request, {}, problem=unknown)
        lines = await self._tenant_lines(found)
        return await self._render(request, {}, token=token, found=found, key=key, tenant_lines=lines)

    async def show_invitation(self, request: Request) -> Response:
        token = request.query_params.get("token", "")
        problem = None if token else NotFound("The address of an invitation has a token.")
        return await self._render(request, {}, problem=problem, invitation=token)

    async def accept_invitation(self, request: Request) -> Response:
        """Make a key with an invitation, and show it once."""
        form = await self._read(request)
        token, name = form.get("token", ""), form.get("name", "")
        try:
            record, key = await self.run(partial(self.standing.invitations.accept, token, name=name))
        except (InvalidField, NotFound) as problem:
            return await self._render(request, form, problem=problem, invitation=token)
        owner = await self.run(self.services.accounts.get_tenant, record.tenant)
        # Keys of a tenant that was made with an invitation cannot invite, so this key is its first.
        own = owner.id if is_id(owner.origin or "", "invitation") else None
        lines = await self._describe_tenant(own)
        return await self._render(request, {}, invitation=token, key=key, tenant_lines=lines)

    async def _tenant_lines(self, found: AccessRequest) -> tuple[str, ...]:
        return await self._describe_tenant(found.own_tenant) if found.state in GRANTED else ()

    async def _describe_tenant(self, own: str | None) -> tuple[str, ...]:
        """The keys of the sentences about a tenant of its own, or a shared one."""
        if own is None:
            return ("shared",)
        reviewed = await self.run(self.services.accounts.managed.has_reviewer, own)
        return ("own", "staff") if reviewed else ("own", "no_reviewer")

    def _require_open(self) -> None:
        if not self.standing.access.accepts_requests:
            raise NotFound("This installation does not accept requests for access.")

    async def _read(self, request: Request) -> dict[str, str]:
        check_same_origin(request)
        # Before the body is read, because no account is needed.
        self._rate_limiter.allow(request.client.host if request.client else "")
        return await read_short_form(request, self.services)

    async def _render(
        self, request: Request, form: dict[str, str], *, problem: SafelightError | None = None, **values: Any
    ) -> Response:
        shown = {"token": "", "found": None, "key": None, "invitation": None, "tenant_lines": (), **values}
        address = "/access/invitation" if shown["invitation"] is not None else "/access"
        token = shown["invitation"] or shown["token"]
        response = await self.render_page(
            request,
            "applicant.html",
            await self.current_principal(request),
            problem.status if problem else 200,
            a=load_messages("accounts", self.translations(request).tag),
            form=form,
            problem="" if problem is None else _describe(problem),
            # A change of language or theme leads back here, with the token.
            page_address=f"{address}?{urlencode({'token': token})}" if token else address,
            **shown,
        )
        response.headers["cache-control"] = "no-store"
        return response


def _describe(problem: SafelightError) -> str:
    """The key of the sentence about a problem."""
    if isinstance(problem, RateLimited):
        return "limited"
    return "unknown" if isinstance(problem, NotFound) else "invalid"
