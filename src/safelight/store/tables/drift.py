"""Episodes of drift that were reported by an audit entry and a webhook."""

from __future__ import annotations

from sqlalchemy import Index, Table
from sqlalchemy import text as sql

from .types import metadata, text, time

drift_episodes = Table(
    "drift_episodes",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    text("provider"),
    text("model"),
    #: What is compared: `refusals`, `failures`, `charges` or `prices`.
    text("outcomes"),
    #: The kind of drift when it was found; with later attempts, a drift can get another kind.
    text("kind"),
    #: When the drift began: the most probable time, and the start of the 95 % interval.
    time("since"),
    time("earliest"),
    #: The time of the attempt with which it was found.
    time("found_at"),
    time("begun_at"),
    #: When the end of the episode was reported; null before.
    time("ended_at", null=True),
    Index(
        None,
        "tenant_id",
        "provider",
        "model",
        "outcomes",
        unique=True,
        sqlite_where=sql("ended_at IS NULL"),
        postgresql_where=sql("ended_at IS NULL"),
    ),
)
