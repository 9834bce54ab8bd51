"""The page of the tenants that a tenant manages, on which its people choose one to act in."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, SafelightError
from safelight.i18n import load_messages
from safelight.trust.accounts import DECIDING, KeyScope, Principal, Tenant
from safelight.trust.accounts.managed_tenants import ManagedTenants
from safelight.web.auth import choose_tenant

from .handler import PageHandler
from .translations import Translations, format_date

_PATH = "/compliance/tenants"
_MAX_ROWS = 100


class TenantPages(PageHandler):
    """Handlers of the page. They get the principal of the own tenant, also while it acts in another."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render(request, principal)

    async def enter(self, request: Request, principal: Principal) -> Response:
        """Choose the tenant to act in: a reviewer sees its cases, other staff its terms."""
        tenant = request.path_params["tenant_id"]
        acting = await self.run(self._managed.enter, principal, tenant)
        response = self.redirect(
            "/review" if acting.scopes & DECIDING else "/compliance/accounts?kind=tenant"
        )
        choose_tenant(response, request, tenant)
        return response

    async def leave(self, request: Request, principal: Principal) -> Response:
        response = self.redirect("/")
        choose_tenant(response, request, "")
        return response

    async def close(self, request: Request, principal: Principal) -> Response:
        tenant, reason = request.path_params["tenant_id"], (await self.read_form(request)).get("reason", "")
        try:
            await self.run(partial(self._managed.close, principal, tenant, reason=reason))
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem)
        return self.redirect(_PATH)

    @property
    def _managed(self) -> ManagedTenants:
        return self.services.accounts.managed

    async def _render(
        self, request: Request, principal: Principal, *, problem: SafelightError | None = None
    ) -> Response:
        t = self.translations(request)
        after = request.query_params.get("after")
        found = await self.run(partial(self._managed.list, principal, after=after))
        shown = found[:_MAX_ROWS]
        waiting: dict[str, int] = {}
        if self.services.standing is not None:
            waiting = await self.run(self.services.standing.managed_cases.count, principal)
        if after is None:
            # Those with the most cases first, so that they are not hidden behind newer tenants.
            most = sorted(waiting, key=lambda one: -waiting[one])[:_MAX_ROWS]
            first = await self.run(partial(self._managed.list, principal, ids=most))
            shown = (
                *sorted(first, key=lambda one: -waiting[one.id]),
                *(one for one in shown if one not in first),
            )
        return await self.render_page(
            request,
            "tenants.html",
            principal,
            problem.status if problem else 200,
            m=load_messages("tenants", t.tag),
            tenants=[_row(one, waiting.get(one.id, 0), t) for one in shown],
            next_page=found[_MAX_ROWS - 1].id if len(found) > _MAX_ROWS else "",
            has_reviewer=await self.run(self._managed.has_reviewer, principal.tenant),
            may_close=principal.has_scope(KeyScope.ADMIN),
            problem=problem,
        )


def _row(one: Tenant, waiting: int, t: Translations) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "created": format_date(one.created_at, t),
        "closed": "" if one.closed_at is None else format_date(one.closed_at, t),
        "waiting": waiting,
    }
