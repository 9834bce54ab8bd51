"""Reads stored stage records, so that another policy can be evaluated on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from sqlalchemy import and_, select, tuple_

from safelight.policy.findings import Stage
from safelight.policy.replay import ReplayRecord
from safelight.policy.verdicts import Verdict, WaiverTerms
from safelight.store.database import Database
from safelight.store.tables import findings, verdicts

_ROWS_PER_PAGE = 500
_verdict_decoder = msgspec.json.Decoder(Verdict)


def read_history(
    database: Database, *, waivers: Sequence[WaiverTerms] = (), tenant: str | None = None
) -> Iterator[ReplayRecord]:
    """Every stage record, those of one video together, read in pages. If `tenant` is None: of every tenant.

    A coverage gap that was waived at that time is waived again. The given `waivers` apply in addition.
    """
    place = tuple_(findings.c.tenant_id, findings.c.video_id, findings.c.id)
    last = ("", "", "")
    columns = (
        findings.c.tenant_id,
        findings.c.video_id,
        findings.c.id,
        findings.c.stage,
        findings.c.findings,
        findings.c.coverage,
        verdicts.c.action,
        verdicts.c.rule,
        verdicts.c.body,
    )
    while True:
        with database.across_tenants("replaying a policy over history", readonly=True) as tx:
            query = (
                select(*columns)
                .join_from(
                    findings,
                    verdicts,
                    and_(findings.c.id == verdicts.c.id, findings.c.tenant_id == verdicts.c.tenant_id),
                )
                .where(place > last)
                .order_by(findings.c.tenant_id, findings.c.video_id, findings.c.id)
                .limit(_ROWS_PER_PAGE)
            )
            if tenant is not None:
                query = query.where(findings.c.tenant_id == tenant)
            rows = tx.execute(query).all()
        for row in rows:
            past = _verdict_decoder.decode(row.body)
            excused = tuple(sorted({cell.category for cell in past.waived}))
            then = (WaiverTerms(id="", name="then", categories=excused),) if excused else ()
            yield ReplayRecord(
                id=row.video_id,
                stage=Stage(row.stage),
                findings=row.findings,
                coverage=row.coverage,
                action=row.action,
                rule=row.rule,
                audience=past.audience,
                consents=past.consents,
                facts=past.facts,
                waivers=(*then, *waivers),
            )
        if len(rows) < _ROWS_PER_PAGE:
            return
        last = (rows[-1].tenant_id, rows[-1].video_id, rows[-1].id)
