"""Public pages: ask for access, read the decision, collect the key, and accept an invitation."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.access_requests import AccessRequest
from safelight.accounts.access_texts import access_text
from safelight.accounts.managed_tenants import GRANTED
from safelight.core.errors import InvalidField, NotFound, RateLimited, SafelightError
from safelight.core.ids import is_id

from .render import Form, PageHandler, client_address

_FIELDS = ("name", "contact", "purpose")


class ApplicantPages(PageHandler):
    """Handlers that need no account. The token in an address identifies a request or an invitation."""

    #: Requests for access also have an hourly limit.
    max_forms = (30, 600.0)

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
        form = await self.read_public_form(request)
        self._require_open()
        texts = {name: form.get(name, "") for name in _FIELDS}
        try:
            # A form with an error does not count.
            valid = {name: access_text(text, name) for name, text in texts.items()}
            self.standing.addresses.allow(client_address(request))
            make = partial(self.standing.access.request, self.standing.tenant(), **valid)
            _, token = await self.run(lambda: make())
        except (InvalidField, RateLimited) as problem:
            return await self._render(request, texts, problem=problem)
        return self.redirect("/access?" + urlencode({"token": token}))

    async def collect(self, request: Request) -> Response:
        """Show the key of an approved request, once."""
        token = (await self.read_public_form(request)).get("token", "")
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
        form = await self.read_public_form(request)
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

    async def _render(
        self, request: Request, form: Form, *, problem: SafelightError | None = None, **values: Any
    ) -> Response:
        shown = {"token": "", "found": None, "key": None, "invitation": None, "tenant_lines": (), **values}
        address = "/access/invitation" if shown["invitation"] is not None else "/access"
        token = shown["invitation"] or shown["token"]
        response = await self.render_page(
            request,
            "applicant.html",
            await self.current_principal(request),
            problem=problem,
            refused="" if problem is None else _describe(problem),
            form=form,
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
