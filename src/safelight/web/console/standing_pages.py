"""The page of strikes and bans, under Compliance."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal, PrincipalKind, ReviewRank
from safelight.accounts.models import end_user_subject, split_subject
from safelight.accounts.standing import Strike, shown_category, shown_group
from safelight.core.errors import SafelightError
from safelight.core.i18n import load_messages
from safelight.policy.findings import Taxonomy
from safelight.web.translations import Translations, translate_category

from .render import PageHandler

# The page of one's own standing and quotas.


class OwnStandingPages(PageHandler):
    """The page. Each person sees only what is their own."""

    async def show(self, request: Request, principal: Principal) -> Response:
        t, ours = self.translations(request), self.standing
        return await self.render_page(
            request,
            "own_standing.html",
            principal,
            standing=await self.run(ours.standings.own, principal),
            name_reason=lambda strike: _name_reason(strike, self.services.taxonomy, t),
            use=await self.run(ours.quotas.own, principal),
        )


def _name_reason(strike: Strike, taxonomy: Taxonomy, t: Translations) -> str:
    """The reason of a strike in the degree of a statement."""
    category, group = shown_category(strike, taxonomy), shown_group(strike, taxonomy)
    if category is not None:
        return translate_category(category, t)
    if group is not None:
        return load_messages("explanations", t.tag)(f"group.{group}")
    return load_messages("accounts", t.tag)("standing.not_named")


class StandingPages(PageHandler):
    """Handlers of the page; they need the scope `review`, and bans a senior person."""

    refusals = (SafelightError,)

    async def propose(self, request: Request, principal: Principal) -> Response:
        form = await self.read_form(request)
        await self.run(
            self.standing.bans.propose,
            principal,
            end_user_subject(form.get("end_user", "").strip()),
            reason=form.get("reason", ""),
            threat_to_life=form.get("threat_to_life") == "yes",
        )
        return self.redirect("/review/standings")

    async def change(self, request: Request, principal: Principal) -> Response:
        """Confirm or lift a ban."""
        ban_id, form = request.path_params["ban_id"], await self.read_form(request)
        if form.get("action") == "confirm":
            await self.run(self.standing.bans.confirm, principal, ban_id)
        else:
            await self.run(self.standing.bans.lift, principal, ban_id, reason=form.get("reason", ""))
        return self.redirect("/review/standings")

    async def show(self, request: Request, principal: Principal) -> Response:
        standings = self.standing.standings
        senior = principal.kind is PrincipalKind.PERSON and principal.review_rank >= ReviewRank.SENIOR
        return await self.render_page(
            request,
            "standing.html",
            principal,
            page=await self.run(standings.list, principal),
            split_subject=split_subject,
            own_id=principal.id,
            may_ban=senior,
            ban_points=standings.thresholds.ban,
        )
