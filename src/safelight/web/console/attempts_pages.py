"""The pages of attempts: what was refused at providers, by whom, and what it cost; and one attempt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import Principal
from safelight.core.errors import NotFound
from safelight.core.i18n import load_messages
from safelight.core.ids import is_id
from safelight.providers.attempts.answers import (
    ChosenAttempts,
    answer_gate,
    attempt_answer,
    choose_attempts,
)
from safelight.providers.attempts.drift import Drift
from safelight.providers.attempts.models import AttemptFilter, AttemptOrigin, AttemptRecord
from safelight.providers.attempts.patterns import RefusalPattern, find_patterns
from safelight.providers.attempts.repeats import RepeatResult, find_repeats
from safelight.videos.staff_reads import record_reads
from safelight.web.translations import format_datetime

from .attempts_view import (
    CHART_HEIGHT,
    CHART_WIDTH,
    TONES,
    attempt_row,
    budget_lines,
    charge_text,
    chart_bars,
    drift_lines,
    losses,
    lost_attempts,
    pattern_rows,
    repeat_rows,
    with_unknown_charge,
)
from .render import PageHandler

ROWS_PER_PAGE = 25
#: Attempts whose patterns a page computes: the drivers of a long prompt take about two milliseconds.
_MAX_PATTERN_ATTEMPTS = 300
#: Attempts of unknown charge that are listed.
_MAX_UNKNOWN = 50
_MAX_CANARIES = 10
_DAY_S = 86_400.0
#: Days of each period; None: without a limit.
PERIODS: dict[str, int | None] = {"7": 7, "30": 30, "90": 90, "all": None}


@dataclass(frozen=True, kw_only=True)
class _Found:
    """The attempts of the filter, the page of the table, and patterns of the newest ones."""

    chosen: ChosenAttempts
    second_charges: frozenset[str]
    rows: tuple[AttemptRecord, ...]
    more: bool
    patterns: tuple[RefusalPattern, ...]
    repeats: tuple[RepeatResult, ...]
    drifts: tuple[Drift, ...]
    #: The newest canaries.
    canaries: tuple[AttemptRecord, ...]
    #: Whether the tenant has no attempt at all.
    none_ever: bool


class AttemptsPages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        """Losses, refusals and the table of attempts.

        Query: `period` (one of `PERIODS`), `provider`, `after` (the last id of the previous page).
        """
        query = request.query_params
        period = query.get("period", "30")
        period = period if period in PERIODS else "30"
        provider, after = query.get("provider", "")[:200].strip(), query.get("after") or None
        now, days = self.console.clock(), PERIODS[period]
        # The period begins with a UTC day, as the bars of the chart do.
        since = None if days is None else (now // _DAY_S - days + 1) * _DAY_S
        wanted = AttemptFilter(provider=provider, since=since)
        found = await self.state.check_threads.run(self._find, principal, wanted, after)
        budgets = await self.run(self.services.refusal_budgets)
        t = self.translations(request)
        a = load_messages("attempts", t.tag)
        attempts = found.chosen.attempts
        lost = lost_attempts(attempts, found.second_charges)
        unknown = with_unknown_charge(lost)
        shown = (*found.rows, *unknown[:_MAX_UNKNOWN], *found.canaries)
        await self.run(record_reads, self.services.attempts, principal, shown)
        address = {"period": period, "provider": provider}
        last = found.rows[-1].id if found.more else None
        return await self.render_page(
            request,
            "attempts.html",
            principal,
            a=a,
            none_ever=found.none_ever,
            budgets=budget_lines(budgets, t, a),
            drifts=drift_lines(found.drifts, t, a),
            period=period,
            periods=tuple(PERIODS),
            provider=provider,
            losses=losses(lost),
            lost_count=len(lost),
            unknown=[attempt_row(one, t, a) for one in unknown[:_MAX_UNKNOWN]],
            unknown_count=len(unknown),
            incomplete=found.chosen.incomplete,
            read=len(attempts),
            bars=chart_bars(attempts, since=since, now=now, t=t),
            chart=(CHART_WIDTH, CHART_HEIGHT),
            by_provider=pattern_rows(found.patterns, "provider", a),
            by_driver=pattern_rows(found.patterns, "driver", a),
            repeats=repeat_rows(found.repeats, a),
            pattern_limit=_MAX_PATTERN_ATTEMPTS,
            canaries=[attempt_row(one, t, a) for one in found.canaries],
            rows=[attempt_row(one, t, a) for one in found.rows],
            first=after is None,
            start=f"/attempts?{urlencode(address)}",
            more=f"/attempts?{urlencode({**address, 'after': last})}" if last else None,
        )

    async def show_one(self, request: Request, principal: Principal) -> Response:
        """One attempt: the error in its own words, the party that refused it, and how to tell."""
        attempt_id = request.path_params["attempt_id"]
        if not is_id(attempt_id, "attempt"):
            raise NotFound("There is no such attempt.", param="attempt_id")
        attempt, gate, answer = await self.state.check_threads.run(self._one, principal, attempt_id)
        t = self.translations(request)
        a = load_messages("attempts", t.tag)
        return await self.render_page(
            request,
            "attempt.html",
            principal,
            a=a,
            attempt=attempt_answer(attempt, gate, answer, a),
            row=attempt_row(attempt, t, a),
            tone=TONES.get(attempt.outcome, "none"),
            at=format_datetime(attempt.at, t),
            charge=charge_text(attempt, a),
            error=attempt.error,
            own_error=attempt.is_own_error,
        )

    def _find(self, principal: Principal, wanted: AttemptFilter, after: str | None) -> _Found:
        log, tenant = self.services.attempts, principal.tenant
        of_canaries = replace(wanted, origin=AttemptOrigin.CANARY)
        chosen = choose_attempts(log, tenant, wanted)
        table = log.page(tenant, wanted, after=after, limit=ROWS_PER_PAGE)
        return _Found(
            chosen=chosen,
            second_charges=chosen.second_charges,
            rows=table.items,
            more=table.has_more,
            patterns=find_patterns(chosen.attempts[:_MAX_PATTERN_ATTEMPTS]),
            repeats=find_repeats(chosen.attempts),
            drifts=self.services.drift.recent(tenant, provider=wanted.provider),
            canaries=log.page(tenant, of_canaries, limit=_MAX_CANARIES).items,
            none_ever=not chosen.attempts and not log.page(tenant, AttemptFilter(), limit=1).items,
        )

    def _one(self, principal: Principal, attempt_id: str) -> tuple[AttemptRecord, Any, str | None]:
        log, tenant = self.services.attempts, principal.tenant
        attempt = log.get(tenant, attempt_id)
        record_reads(log, principal, [attempt])
        gate = answer_gate(log, tenant, attempt, find_drifts=self.services.drift.drifts)
        return attempt, gate, log.answer(tenant, attempt)
