"""The page of the vault officer's lane, under Compliance."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.cases.vault import is_officer
from safelight.cases.vault_alerts import PATH
from safelight.cases.vault_inputs import VaultDecisionRequest, VaultQuery
from safelight.core.errors import SafelightError
from safelight.core.reasons import MAX_REASON_CHARACTERS
from safelight.videos.vault_entries import DECISIONS

from .render import Form, PageHandler, input_of


class VaultPages(PageHandler):
    """Handlers of the page; leads and administrators see only how much waits."""

    refusals = (SafelightError,)

    async def decide(self, request: Request, principal: Principal) -> Response:
        asked = input_of(VaultDecisionRequest, await self.read_form(request))
        await self.run(self.services.vault.decide, principal, request.path_params["entry_id"], asked)
        return self.redirect(f"{PATH}?decided={asked.decision}")

    async def show_again(
        self, request: Request, principal: Principal, problem: SafelightError, form: Form
    ) -> Response:
        return await self.show(request, principal)

    async def show(self, request: Request, principal: Principal) -> Response:
        given = request.query_params
        query = VaultQuery(closed="closed" in given, after=given.get("after"))
        page = await self.run(self.services.vault.list, principal, query) if is_officer(principal) else None
        return await self.render_page(
            request,
            "vault.html",
            principal,
            typed_for=request.path_params.get("entry_id"),
            count=await self.run(self.services.vault.count, principal),
            page=page,
            closed=query.closed,
            decided=given.get("decided"),
            decisions=DECISIONS,
            max_note=MAX_REASON_CHARACTERS,
            now=self.console.clock(),
        )
