"""Incidents: what went wrong in an installation, and what was done."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, UniqueConstraint

from .types import integer, json, tenant_table, text, time

#: The ids of videos and cases stay when these are erased.
incidents = tenant_table(
    "incidents",
    time("opened_at"),
    text("opened_by"),
    #: As a person stated it; without a value in one that a decision opened.
    time("began_at", null=True),
    time("ended_at", null=True),
    text("kind"),
    text("severity"),
    text("category", null=True),
    json("videos"),
    json("cases"),
    text("sentence"),
    text("note"),
    text("done"),
    text("state"),
    Column("published", Boolean, nullable=False),
    time("closed_at", null=True),
    #: For compare-and-set, as in `videos`.
    integer("revision", default=0),
    #: The video whose withdrawal opened this one.
    text("withdrawn_video", null=True),
    UniqueConstraint("tenant_id", "withdrawn_video"),
)
