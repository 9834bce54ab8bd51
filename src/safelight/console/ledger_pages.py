"""The pages of the ledger: its entries with a filter, their sums, and the export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.accounts import KeyScope, Principal
from safelight.accounts.ledger import (
    ENTRY_COLUMNS,
    EntryKind,
    Ledger,
    LedgerFilter,
    SumBy,
    entry_object,
)
from safelight.core.errors import InvalidField, SafelightError
from safelight.providers.attempts.export import write_csv, write_jsonl
from safelight.web.create_request import require_writable

from .render import PageHandler

#: Message key, path, and the scopes of which a person needs one.
_TOPICS: tuple[tuple[str, str, tuple[KeyScope, ...]], ...] = (
    ("decided", "/review?state=closed", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("quality", "/review/quality", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("standings", "/review/standings", (KeyScope.REVIEW,)),
    ("consents", "/consents", (KeyScope.VIDEOS_READ,)),
    ("terms", "/compliance/accounts", (KeyScope.ADMIN,)),
    ("ledger", "/compliance/ledger", (KeyScope.ADMIN,)),
    ("access", "/compliance/access", (KeyScope.ADMIN,)),
    ("tenants", "/compliance/tenants", (KeyScope.REVIEW, KeyScope.VAULT, KeyScope.ADMIN)),
    ("people", "/settings/people", (KeyScope.PEOPLE,)),
    ("log", "/compliance/log", (KeyScope.AUDIT,)),
    ("policy", "/policy", (KeyScope.POLICY, KeyScope.AUDIT)),
    ("coverage", "/coverage", (KeyScope.VIDEOS_READ, KeyScope.AUDIT)),
    ("own", "/account/standing", (KeyScope.VIDEOS_READ,)),
)


class CompliancePages(PageHandler):
    async def show(self, request: Request, principal: Principal) -> Response:
        standing, is_admin = self.services.standing, principal.has_scope(KeyScope.ADMIN)
        return await self.render_page(
            request,
            "compliance.html",
            principal,
            topics=list(_offered(principal)),
            waiting=await self.run(standing.access.count_waiting, principal) if standing and is_admin else 0,
        )


def _offered(principal: Principal) -> Iterator[tuple[str, str]]:
    """Message key and path of each page that this person may open."""
    for name, path, scopes in _TOPICS:
        if any(principal.has_scope(scope) for scope in scopes):
            yield name, path


_MAX_ROWS = 100
_EXPORT_ROWS = 1000
_FIELDS = ("account", "end_user", "video_id", "kind", "since", "until")


class LedgerPages(PageHandler):
    """Handlers of the pages; they need the scope `admin`."""

    async def show(self, request: Request, principal: Principal) -> Response:
        query = request.query_params
        by = SumBy(query["by"]) if query.get("by") in list(SumBy) else SumBy.TENANT
        form = {name: query.get(name, "").strip() for name in _FIELDS}
        after = query.get("after")
        problem: SafelightError | None = None
        try:
            wanted = _filter(form)
        except InvalidField as wrong:
            problem, wanted, after = wrong, LedgerFilter(), None
        entries, more = await self.run(
            lambda: self._ledger.list(principal, wanted, after=after, limit=_MAX_ROWS, newest_first=True)
        )
        filled = {name: value for name, value in form.items() if value}
        return await self.render_page(
            request,
            "ledger.html",
            principal,
            problem=problem,
            form=form,
            by=by,
            groups=SumBy,
            kinds=EntryKind,
            wrong_day=problem is not None and problem.param in ("since", "until"),
            sums=await self.run(self._ledger.sums, principal, by, wanted),
            entries=entries,
            export="/compliance/ledger/export?" + urlencode(filled),
            more=urlencode({**filled, "by": by.value, "after": entries[-1].id}) if more else "",
        )

    async def export(self, request: Request, principal: Principal) -> Response:
        """All entries that match the filter, oldest first, as a file."""
        query = request.query_params
        wanted = _filter({name: query.get(name, "").strip() for name in _FIELDS})
        as_csv = query.get("format") != "jsonl"
        name, media_type = ("ledger.csv", "text/csv") if as_csv else ("ledger.jsonl", "application/jsonl")
        return StreamingResponse(
            _export(self._ledger, principal, wanted, as_csv=as_csv),
            media_type=f"{media_type}; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
        )

    @property
    def _ledger(self) -> Ledger:
        return self.standing.ledger


def _export(ledger: Ledger, principal: Principal, wanted: LedgerFilter, *, as_csv: bool) -> Iterator[str]:
    """The lines of the file, page by page, so that a long ledger is never in memory as a whole."""
    if as_csv:
        yield write_csv([], ENTRY_COLUMNS)
    after, more = None, True
    while more:
        entries, more = ledger.list(principal, wanted, after=after, limit=_EXPORT_ROWS)
        rows = [entry_object(one) for one in entries]
        yield write_csv(rows, ENTRY_COLUMNS).partition("\n")[2] if as_csv else write_jsonl(rows)
        after = entries[-1].id if entries else None


def _filter(form: Mapping[str, str]) -> LedgerFilter:
    """The filter of a form. Raises `InvalidField`."""
    for name in ("account", "end_user", "video_id"):
        require_writable(form[name], name)
    return LedgerFilter(
        account=form["account"] or None,
        end_user=form["end_user"] or None,
        video_id=form["video_id"] or None,
        kinds=(EntryKind(form["kind"]),) if form["kind"] in list(EntryKind) else (),
        since=_day(form, "since") or 0.0,
        until=_day(form, "until"),
    )


def _day(form: Mapping[str, str], name: str) -> float | None:
    """The start of a day in UTC. Raises `InvalidField`."""
    if not form[name]:
        return None
    try:
        return datetime.strptime(form[name], "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise InvalidField(f"{name} must be a day such as 2026-11-01.", param=name) from None
