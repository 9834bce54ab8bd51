"""Reads and writes templates and the videos made from them."""

from __future__ import annotations

import msgspec
from sqlalchemy import select

from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import prompt_templates, template_videos, videos
from safelight.videos.requests.request import TemplateUse

from .documents import read_document
from .models import Template, TemplateVersion, Validation


def template_from_row(row: Row, *, no_eligible_approver: bool = False) -> Template:
    document = read_document(row.source)
    return read_record(Template, row, document=document, no_eligible_approver=no_eligible_approver)


def record_use(tx: Transaction, video_id: str, use: TemplateUse) -> None:
    """Record that a video was requested with a template, in the transaction that adds the video."""
    tx.insert(template_videos, video_id=video_id, template_id=use.id, slot_values=dict(use.values))


def read_validations(tx: Transaction, template_id: str, limit: int) -> tuple[Validation, ...]:
    """The videos made from one version, newest first, without those whose prompt is withheld."""
    statement = (
        select(videos)
        .join(template_videos, template_videos.c.video_id == videos.c.id)
        .where(*tx.tenant_condition(videos), *tx.tenant_condition(template_videos))
        .where(template_videos.c.template_id == template_id)
        .where(videos.c.vaulted.is_(False), videos.c.quarantined.is_(False))
        .order_by(videos.c.created_at.desc(), videos.c.id.desc())
        .limit(limit)
    )
    return tuple(_validation(row) for row in tx.execute(statement).all())


def read_versions(tx: Transaction, name: str) -> tuple[TemplateVersion, ...]:
    """The versions of a template, the newest first."""
    columns = prompt_templates.c
    rows = tx.select(
        prompt_templates,
        columns.name == name,
        columns=[columns.version, columns.state],
        order_by=(columns.version.desc(),),
    )
    return tuple(read_record(TemplateVersion, row) for row in rows)


def newest_version(tx: Transaction, name: str) -> int:
    """The number of the newest version of a template; 0 if there is none."""
    return max((one.version for one in read_versions(tx, name)), default=0)


def _validation(row: Row) -> Validation:
    summary = msgspec.json.decode(row.outcome_summary) if row.outcome_summary else {}
    return read_record(Validation, row, video_id=row.id, outcome=row.state, charge=summary.get("charge"))
