"""The rollout step of each tenant."""

from __future__ import annotations

from sqlalchemy import Table

from .types import metadata, text, time

#: Without a row, the step is `closed`. The moves are in the audit log.
gates = Table(
    "gates",
    metadata,
    text("tenant_id", primary_key=True),
    text("step"),
    time("entered_at"),
    #: The next step, if a person has proposed it.
    text("proposed_step", null=True),
    text("proposed_by", null=True),
    time("proposed_at", null=True),
    #: The last decided violation in a grave category.
    time("incident_at", null=True),
    #: The last evaluation of the detectors that an operator recorded.
    time("evaluated_at", null=True),
    text("evaluation_sha256", null=True),
)
