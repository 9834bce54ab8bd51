"""The page of strikes and bans, under Compliance."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, SafelightError
from safelight.i18n import load_messages
from safelight.trust.accounts import Principal, PrincipalKind, ReviewRank
from safelight.trust.accounts.models import end_user_subject, split_subject
from safelight.trust.standing import Ban, Standing

from .handler import PageHandler
from .translations import Translations, format_datetime, translate_category


class StandingPages(PageHandler):
    """Handlers of the page; they need the scope `review`, and bans a senior person."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render(request, principal)

    async def propose(self, request: Request, principal: Principal) -> Response:
        form, bans = await self.read_form(request), self.standing.bans
        try:
            await self.run(
                bans.propose,
                principal,
                end_user_subject(form.get("end_user", "").strip()),
                reason=form.get("reason", ""),
                threat_to_life=form.get("threat_to_life") == "yes",
            )
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem, form=form)
        return self.redirect("/review/standings")

    async def change(self, request: Request, principal: Principal) -> Response:
        """Confirm or lift a ban."""
        ban_id, form = request.path_params["ban_id"], await self.read_form(request)
        bans = self.standing.bans
        try:
            if form.get("action") == "confirm":
                await self.run(bans.confirm, principal, ban_id)
            else:
                await self.run(bans.lift, principal, ban_id, reason=form.get("reason", ""))
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem)
        return self.redirect("/review/standings")

    async def _render(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        t, standings = self.translations(request), self.standing.standings
        page = await self.run(standings.list, principal)
        senior = principal.kind is PrincipalKind.PERSON and principal.review_rank >= ReviewRank.SENIOR
        return await self.render_page(
            request,
            "standing.html",
            principal,
            problem.status if problem else 200,
            s=load_messages("standing", t.tag),
            problem=problem,
            form=form or {},
            standings=[_standing_row(one, t) for one in page.standings],
            bans=[
                {**_ban_row(one, principal, t), "again": one.id in page.bans_without_points}
                for one in page.bans
            ],
            may_ban=senior,
            ban_points=standings.thresholds.ban,
        )


def _standing_row(standing: Standing, t: Translations) -> dict[str, Any]:
    account, end_user = split_subject(standing.subject)
    return {
        "name": end_user or account,
        "is_account": end_user is None,
        "level": standing.level.value,
        "points": standing.points,
        "until": format_datetime(standing.until, t) if standing.until else None,
        "ban_at": format_datetime(standing.ban_at, t) if standing.ban_at else None,
        "strikes": [
            {
                "video_id": one.video_id,
                "category": translate_category(one.category, t) if one.category else "",
                "given_by": one.given_by.value,
                "at": format_datetime(one.given_at, t),
            }
            for one in standing.strikes
        ],
    }


def _ban_row(ban: Ban, principal: Principal, t: Translations) -> dict[str, Any]:
    return {
        "id": ban.id,
        "name": split_subject(ban.subject)[1],
        "reason": ban.reason,
        "threat_to_life": ban.threat_to_life,
        "effective": format_datetime(ban.effective_at, t) if ban.effective_at else None,
        "may_confirm": ban.confirmed_at is None and ban.proposed_by != principal.id,
        "is_confirmed": ban.confirmed_at is not None,
    }
