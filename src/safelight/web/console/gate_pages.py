"""The page of the rollout step, under Compliance."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.cases.inputs import GateLowering
from safelight.core.errors import InvalidField, SafelightError

from .render import PageHandler

_PATH = "/compliance/rollout"


class GatePages(PageHandler):
    """Handlers of the page; the scopes `admin`, `policy` and `audit` read it."""

    refusals = (SafelightError,)

    async def change(self, request: Request, principal: Principal) -> Response:
        form, gates = await self.read_form(request), self.services.require_gates()
        match form.get("action"):
            case "propose":
                await self.run(gates.propose, principal)
            case "confirm":
                await self.run(gates.confirm, principal)
            case "lower":
                await self.run(gates.lower, principal, GateLowering(reason=form.get("reason", "")))
            case _:
                raise InvalidField("action must be propose, confirm or lower.", param="action")
        return self.redirect(_PATH)

    async def show(self, request: Request, principal: Principal) -> Response:
        t = self.translations(request)
        report = await self.run(self.services.require_gates().show, principal)
        is_person = principal.role is not None and principal.has_scope(KeyScope.ADMIN)
        return await self.render_page(
            request,
            "gates.html",
            principal,
            report=report,
            lacks=[one.sentence(t.tag) for one in report.missing],
            may_move=is_person,
            may_confirm=is_person and principal.id != report.state.proposed_by,
            may_lower=principal.has_scope(KeyScope.ADMIN) or principal.has_scope(KeyScope.POLICY),
        )
