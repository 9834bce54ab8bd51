"""The page on which people decide requests for access."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.accounts.access_requests import DECIDED, GRANTED
from safelight.accounts.models import AccessState
from safelight.accounts.terms import NUMBERS
from safelight.core.errors import InvalidField, NotFound, SafelightError
from safelight.policy.verdicts import Audience

from .account_terms_pages import read_terms_form
from .render import Form, PageHandler

_PATH = "/compliance/access"
#: Requests on one page, of those that wait and of those that are decided.
_MAX_ROWS = 50


class AccessPages(PageHandler):
    """Handlers of the page; they need the scope `admin`."""

    refusals = (SafelightError,)

    async def decide(self, request: Request, principal: Principal) -> Response:
        request_id, form = request.path_params["request_id"], await self.read_form(request)
        reason, action, access = form.get("reason", ""), form.get("action"), self.standing.access
        if action == "approve":
            terms = read_terms_form(form)
            await self.run(partial(access.approve, principal, request_id, reason=reason, terms=terms))
        elif action == "decline":
            await self.run(partial(access.decline, principal, request_id, reason=reason))
        elif action == "withdraw":
            await self.run(partial(access.withdraw, principal, request_id, reason=reason))
        else:
            raise InvalidField("action must be approve, decline or withdraw.", param="action")
        return self.redirect(_PATH)

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        if isinstance(problem, NotFound):
            raise problem
        kept = {request.path_params.get("request_id", ""): form}
        return await self.show(request, principal, kept=kept)

    async def show(
        self,
        request: Request,
        principal: Principal,
        *,
        kept: Mapping[str, Form] = MappingProxyType({}),
    ) -> Response:
        ours = self.standing
        after = request.query_params.get("after")
        waiting = await self.run(partial(ours.access.list, principal, AccessState.WAITING, after=after))
        decided = await self.run(ours.access.list, principal, *DECIDED)
        return await self.render_page(
            request,
            "access.html",
            principal,
            accepts_requests=ours.access.accepts_requests,
            kept=kept,
            waiting=waiting[:_MAX_ROWS],
            next_page=waiting[_MAX_ROWS - 1].id if len(waiting) > _MAX_ROWS else "",
            audiences=Audience,
            numbers=NUMBERS,
            max_rows=_MAX_ROWS,
            more_decided=len(decided) > _MAX_ROWS,
            decided=decided[:_MAX_ROWS],
            granted=GRANTED,
        )
