"""The page of strikes and bans, under Compliance."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, SafelightError
from safelight.i18n import Messages, load_messages
from safelight.policy.findings import Taxonomy
from safelight.trust.accounts import KeyScope, Principal, PrincipalKind, ReviewRank
from safelight.trust.accounts.invitations import AccountInvitation
from safelight.trust.accounts.managed_tenants import TenantChoice
from safelight.trust.accounts.models import end_user_subject, split_subject
from safelight.trust.standing import Ban, Standing, Strike, shown_category, shown_group
from safelight.web.consent_call import base_url

from .ledger_pages import entry_row, quota_rows, sum_row
from .render import PageHandler
from .translations import Translations, format_date, format_datetime, translate_category

# The page of one's own standing, quotas, charges and invitations.

_MAX_ENTRIES = 20


class OwnStandingPages(PageHandler):
    """Handlers of the page. Each person sees only what is their own."""

    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render(request, principal)

    async def invite(self, request: Request, principal: Principal) -> Response:
        """Make an invitation. Its link is shown once, on the response page."""
        shared = (await self.read_form(request)).get("tenant") == TenantChoice.SHARED
        choice = TenantChoice.SHARED if shared else TenantChoice.OWN
        try:
            token, made = await self.run(self.standing.invitations.invite, principal, choice)
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem)
        link = f"{base_url(request)}/access/invitation?token={token}"
        until = format_datetime(made.expires_at, self.translations(request))
        return await self._render(request, principal, invited={"link": link, "until": until})

    async def revoke_invitation(self, request: Request, principal: Principal) -> Response:
        invitation = request.path_params["invitation_id"]
        try:
            await self.run(self.standing.invitations.revoke, principal, invitation)
        except NotFound:
            raise
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem)
        return self.redirect("/account/standing")

    async def _render(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        invited: dict[str, str] | None = None,
    ) -> Response:
        t, ours = self.translations(request), self.standing
        a = load_messages("accounts", t.tag)
        standing = await self.run(ours.standings.own, principal)
        use = await self.run(ours.quotas.own, principal)
        entries, more = await self.run(lambda: ours.ledger.list_own(principal, limit=_MAX_ENTRIES))
        taxonomy = self.services.taxonomy
        return await self.render_page(
            request,
            "own_standing.html",
            principal,
            problem.status if problem else 200,
            a=a,
            s=load_messages("standing", t.tag),
            problem=problem,
            level=standing.level.value,
            points=standing.points,
            until=format_datetime(standing.until, t) if standing.until else "",
            strikes=[_strike_row(one, taxonomy, a, t) for one in standing.strikes],
            quotas=quota_rows(use),
            resets=format_datetime(use.resets_at, t),
            sums=[sum_row(one) for one in await self.run(ours.ledger.sums_own, principal)],
            entries=[entry_row(one, t) for one in entries],
            more_entries=more,
            invitations=[invitation_row(one, t) for one in await self.run(ours.invitations.list, principal)],
            invitations_left=await self._invitations_left(principal),
            invited=invited,
            may_invite_into_own=principal.has_scope(KeyScope.ADMIN),
        )

    async def _invitations_left(self, principal: Principal) -> int:
        if not principal.has_scope(KeyScope.VIDEOS_WRITE):
            return 0
        return await self.run(self.standing.invitations.left, principal)


def invitation_row(one: AccountInvitation, t: Translations) -> dict[str, Any]:
    return {
        "id": one.id,
        "invited_by": one.invited_by,
        "state": one.state.value,
        "created": format_date(one.created_at, t),
        "until": format_datetime(one.expires_at, t),
        "key_id": one.key_id or "",
    }


def _strike_row(strike: Strike, taxonomy: Taxonomy, a: Messages, t: Translations) -> dict[str, Any]:
    """A strike, with its reason in the degree of a statement."""
    category, group = shown_category(strike, taxonomy), shown_group(strike, taxonomy)
    reason = a("standing.not_named")
    if category is not None:
        reason = translate_category(category, t)
    elif group is not None:
        reason = load_messages("explanations", t.tag)(f"group.{group}")
    return {
        "video_id": strike.video_id,
        "reason": reason,
        "points": strike.weight,
        "given_by": strike.given_by.value,
        "at": format_date(strike.given_at, t),
        "expires": format_date(strike.expires_at, t),
    }


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
