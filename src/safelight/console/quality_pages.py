"""The page on the quality of reviews: own results, and for leads the team, samples and golden cases."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import InvalidField, SafelightError
from safelight.i18n import load_messages
from safelight.policy.statistics import MIN_CASES
from safelight.trust.accounts import KeyScope, Principal
from safelight.trust.quality import MIN_PEOPLE, Golden, NewDraw, NewGolden, OwnAnswer
from safelight.trust.quality.review_quality import own_figures, prevalence_figures, team_figures
from safelight.trust.quality.rule_suggestions import draft_for, suggest_rules
from safelight.trust.reviews import CaseKind
from safelight.trust.reviews.models import ACTIONS

from .handler import PageHandler
from .translations import Translations, format_date

_MAX_OWN_ROWS = 20
_MAX_DRAWS = 5


class QualityPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        return await self._render(request, principal)

    async def add_golden(self, request: Request, principal: Principal) -> Response:
        """Make a video a golden case."""
        form = await self.read_form(request)
        new = NewGolden(
            video_id=form.get("video_id", "").strip(),
            answer=form.get("answer", ""),
            note=form.get("note", ""),
            clause=form.get("clause", "").strip() or None,
        )
        try:
            await self.run(self.services.quality.add_golden, principal, new)
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem, form=form)
        return self.redirect("/review/quality")

    async def retire_golden(self, request: Request, principal: Principal) -> Response:
        await self.run(self.services.quality.retire_golden, principal, request.path_params["golden_id"])
        return self.redirect("/review/quality")

    async def draw(self, request: Request, principal: Principal) -> Response:
        """Draw a sample of delivered videos."""
        form = await self.read_form(request)
        try:
            await self.run(self.services.quality.draw, principal, _new_draw(form))
        except SafelightError as problem:
            return await self._render(request, principal, problem=problem, form=form)
        return self.redirect("/review/quality")

    async def _render(
        self,
        request: Request,
        principal: Principal,
        *,
        problem: SafelightError | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        t = self.translations(request)
        own = await self.run(self.services.quality_results.own_answers, principal)
        lead = await self._lead_values(principal, t) if principal.has_scope(KeyScope.POLICY) else {}
        return await self.render_page(
            request,
            "quality.html",
            principal,
            problem.status if problem else 200,
            q=load_messages("quality", t.tag),
            own=own_figures(own),
            last=[_own_row(answer, t) for answer in own[:_MAX_OWN_ROWS]],
            lead=lead,
            answers=[action.value for action in ACTIONS[CaseKind.QUALITY]],
            percent=_percent,
            min_people=MIN_PEOPLE,
            min_cases=MIN_CASES,
            problem=problem,
            form=form or {},
        )

    def _suggestions(self, principal: Principal) -> list[dict[str, Any]]:
        """The rules that are wrong too often, each with the draft of a policy that changes it."""
        policies = self.console.policies
        if policies is None:
            return []
        current = policies.in_force(principal.tenant)
        counts = policies.published.unchanged_rules(principal.tenant, current).has
        rates = self.services.appeals.overturn_rates(principal, counts=counts)
        found = suggest_rules(rates, self.services.quality_results.rule_answers(principal, counts=counts))
        reasons = {rule.id: rule.reason for rule in current.rules}
        return [
            {
                **one.as_json(),
                "reason": reasons.get(one.rule, ""),
                "draft": draft_for(one, current, self.services.taxonomy),
            }
            for one in found
        ]

    async def _lead_values(self, principal: Principal, t: Translations) -> dict[str, Any]:
        results = self.services.quality_results
        draws = await self.run(results.list_draws, principal)
        golden = await self.run(self.services.quality.list_golden, principal)
        return {
            "suggestions": await self.run(self._suggestions, principal),
            "team": team_figures(await self.run(results.team_answers, principal)),
            "samples": [
                {
                    **prevalence_figures(draw),
                    "since": format_date(draw.since, t),
                    "until": format_date(draw.until, t),
                }
                for draw in draws[:_MAX_DRAWS]
            ],
            "golden": [_golden_row(one, t) for one in golden],
        }


def _own_row(answer: OwnAnswer, t: Translations) -> dict[str, Any]:
    return {
        "at": format_date(answer.at, t),
        "purpose": answer.purpose.value,
        "answer": answer.answer,
        "expected": answer.expected,
        "note": answer.note,
    }


def _golden_row(golden: Golden, t: Translations) -> dict[str, Any]:
    return {
        "id": golden.id,
        "video_id": golden.video_id,
        "answer": golden.answer,
        "note": golden.note,
        "added": format_date(golden.created_at, t),
        "retired": golden.retired_at is not None,
    }


def _new_draw(form: dict[str, str]) -> NewDraw:
    """Raises `InvalidField`."""
    per_stratum = form.get("per_stratum", "")
    if not per_stratum.isdecimal() or len(per_stratum) > 9:
        raise InvalidField("per_stratum must be a whole number.", param="per_stratum")
    since, until = (_parse_day(form, name) for name in ("since", "until"))
    return NewDraw(since=since, until=until, per_stratum=int(per_stratum))


def _parse_day(form: dict[str, str], name: str) -> float:
    """The start of a day in UTC. Raises `InvalidField`."""
    try:
        return datetime.strptime(form.get(name, ""), "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise InvalidField(f"{name} must be a day such as 2026-11-01.", param=name) from None


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"
