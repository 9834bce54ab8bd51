"""Public pages: ask for access, read the decision, and collect the key."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts.access_requests import GRANTED
from safelight.accounts.access_texts import access_text
from safelight.core.errors import InvalidField, NotFound, RateLimited, SafelightError

from .render import Form, PageHandler, client_address

_FIELDS = ("name", "contact", "purpose")


class ApplicantPages(PageHandler):
    """Handlers that need no account. The token in an address identifies a request."""

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
        return await self._render(request, {}, token=token, found=found)

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
        return await self._render(request, {}, token=token, found=found, key=key)

    def _require_open(self) -> None:
        if not self.standing.access.accepts_requests:
            raise NotFound("This installation does not accept requests for access.")

    async def _render(
        self, request: Request, form: Form, *, problem: SafelightError | None = None, **values: Any
    ) -> Response:
        shown = {"token": "", "found": None, "key": None, **values}
        token = shown["token"]
        response = await self.render_page(
            request,
            "applicant.html",
            await self.current_principal(request),
            problem=problem,
            refused="" if problem is None else _describe(problem),
            form=form,
            granted=GRANTED,
            # A change of language or theme leads back here, with the token.
            page_address=f"/access?{urlencode({'token': token})}" if token else "/access",
            **shown,
        )
        response.headers["cache-control"] = "no-store"
        return response


def _describe(problem: SafelightError) -> str:
    """The key of the sentence about a problem."""
    if isinstance(problem, RateLimited):
        return "limited"
    return "unknown" if isinstance(problem, NotFound) else "invalid"
