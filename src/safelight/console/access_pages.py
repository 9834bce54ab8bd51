"""The page on which people decide requests for access and see the invitations of all accounts."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, NotFound, SafelightError
from safelight.i18n import load_messages
from safelight.trust.accounts import Principal
from safelight.trust.accounts.access import DECIDED, AccessRequest, AccessState
from safelight.web.standing import StandingServices

from .formatting import format_date
from .handler import PageHandler
from .own_standing_pages import invitation_row
from .translations import Translations

_PATH = "/compliance/access"
#: Requests on one page, of those that wait and of those that are decided.
_MAX_ROWS = 50


class AccessPages(PageHandler):
    """Handlers of the page; they need the scope `admin`."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render(request, principal)

    async def decide(self, request: Request, principal: Principal) -> Response:
        request_id, form = request.path_params["request_id"], await self.read_form(request)
        reason, action = form.get("reason", ""), form.get("action")
        try:
            if action not in ("approve", "decline"):
                raise InvalidField("action must be approve or decline.", param="action")
            decide = partial(self._services.access.decide, approve=action == "approve", reason=reason)
            await self.run(lambda: decide(principal, request_id))
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem, kept={request_id: reason})
        return self.redirect(_PATH)

    async def revoke_invitation(self, request: Request, principal: Principal) -> Response:
        invitation = request.path_params["invitation_id"]
        try:
            await self.run(self._services.invitations.revoke, principal, invitation)
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem)
        return self.redirect(_PATH)

    @property
    def _services(self) -> StandingServices:
        if self.services.standing is None:
            raise NotFound("This server offers no access requests.")
        return self.services.standing

    async def _render(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        kept: dict[str, str] | None = None,
    ) -> Response:
        t, ours = self.translations(request), self._services
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
    }
