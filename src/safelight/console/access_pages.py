"""The page on which people decide requests for access and see the invitations of all accounts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound, SafelightError
from safelight.i18n import load_messages
from safelight.policy.verdicts import Audience
from safelight.trust.accounts import Principal
from safelight.trust.accounts.access import DECIDED, AccessGrant, AccessRequest
from safelight.trust.accounts.managed_tenants import GRANTED, TenantChoice
from safelight.trust.accounts.models import AccessState

from .account_terms_pages import TENANT_NUMBERS, read_terms_form
from .render import PageHandler
from .standing_pages import invitation_row
from .translations import Translations, format_date

_PATH = "/compliance/access"
#: Requests on one page, of those that wait and of those that are decided.
_MAX_ROWS = 50


class AccessPages(PageHandler):
    """Handlers of the page; they need the scope `admin`."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render(request, principal)

    async def decide(self, request: Request, principal: Principal) -> Response:
        request_id, form = request.path_params["request_id"], await self.read_form(request)
        reason, action, access = form.get("reason", ""), form.get("action"), self.standing.access
        try:
            if action == "approve":
                grant = _grant(form)
                decide = partial(access.approve, principal, request_id, reason=reason, grant=grant)
            elif action == "decline":
                decide = partial(access.decline, principal, request_id, reason=reason)
            elif action == "withdraw":
                decide = partial(access.withdraw, principal, request_id, reason=reason)
            else:
                raise InvalidField("action must be approve, decline or withdraw.", param="action")
            await self.run(decide)
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem, kept={request_id: form})
        return self.redirect(_PATH)

    async def revoke_invitation(self, request: Request, principal: Principal) -> Response:
        invitation = request.path_params["invitation_id"]
        try:
            await self.run(self.standing.invitations.revoke, principal, invitation)
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem)
        return self.redirect(_PATH)

    async def _render(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        kept: dict[str, dict[str, str]] | None = None,
    ) -> Response:
        t, ours = self.translations(request), self.standing
        after = request.query_params.get("after")
        waiting = await self.run(partial(ours.access.list, principal, AccessState.WAITING, after=after))
        decided = await self.run(ours.access.list, principal, *DECIDED)
        invitations = await self.run(partial(ours.invitations.list, principal, everyone=True))
        return await self.render_page(
            request,
            "access.html",
            principal,
            problem.status if problem else 200,
            a=load_messages("accounts", t.tag),
            accepts_requests=ours.access.accepts_requests,
            problem=problem,
            kept=kept or {},
            waiting=[_request_row(one, t) for one in waiting[:_MAX_ROWS]],
            next_page=waiting[_MAX_ROWS - 1].id if len(waiting) > _MAX_ROWS else "",
            audiences=[one.value for one in Audience],
            numbers=TENANT_NUMBERS,
            max_rows=_MAX_ROWS,
            more_decided=len(decided) > _MAX_ROWS,
            more_invitations=len(invitations) > _MAX_ROWS,
            decided=[_request_row(one, t) for one in decided[:_MAX_ROWS]],
            invitations=[invitation_row(one, t) for one in invitations[:_MAX_ROWS]],
        )


def _request_row(one: AccessRequest, t: Translations) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "contact": one.contact,
        "purpose": one.purpose,
        "state": one.state.value,
        "asked": format_date(one.created_at, t),
        "reason": one.reason or "",
        "own_tenant": one.own_tenant or "",
        "may_withdraw": one.state in GRANTED,
    }


def _grant(form: Mapping[str, str]) -> AccessGrant:
    """The tenant and the terms of a form. Raises `InvalidField`."""
    if form.get("tenant", TenantChoice.OWN) == TenantChoice.SHARED:
        # The fields of the terms are for a tenant of its own.
        return AccessGrant(tenant=TenantChoice.SHARED)
    return AccessGrant(terms=read_terms_form(form))
