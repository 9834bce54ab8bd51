"""Active canaries, and the paid calls that they made."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Table, UniqueConstraint
from sqlalchemy import text as sql

from .types import integer, metadata, partial_index, text, time

canaries = Table(
    "canaries",
    metadata,
    text("id", primary_key=True),
    text("tenant_id"),
    #: The entry of the library. The entry can be removed; the canary then stops.
    text("entry_id"),
    #: The prompt of the entry; null after the entry or the canary was removed.
    text("prompt", null=True),
    text("generator"),
    text("model"),
    #: Calls a day.
    integer("per_day"),
    #: The most that the calls of 31 days may cost, in millionths of a US dollar.
    integer("ceiling_micros"),
    #: The agreed price of one call, and `configured` or `stated` by a person.
    integer("price_micros"),
    text("price_source"),
    #: How often the prompt had passed at this model when the canary was added, and the first of these times.
    integer("passes"),
    time("passed_since"),
    #: `off`, `on` or `stopped`.
    text("state"),
    #: Why it stopped; null otherwise.
    text("reason", null=True),
    time("created_at"),
    text("created_by"),
    time("switched_at"),
    #: When a person asked for one call; null if it was sent or not requested.
    time("run_requested_at", null=True),
    #: The part of the day in which a check could not be made, so that no call is sent in it.
    time("skipped_slot", null=True),
    time("removed_at", null=True),
    Index(
        None,
        "tenant_id",
        "entry_id",
        "generator",
        "model",
        unique=True,
        sqlite_where=sql("removed_at IS NULL"),
        postgresql_where=sql("removed_at IS NULL"),
    ),
)

canary_calls = Table(
    "canary_calls",
    metadata,
    #: An id of an attempt, which is also the idempotency key at the generator.
    text("id", primary_key=True),
    text("tenant_id"),
    text("canary_id"),
    text("generator"),
    text("model"),
    integer("seconds"),
    integer("width"),
    integer("height"),
    #: The start of the part of the day that the call belongs to, or the time at which a person asked for it.
    time("slot"),
    #: When it was reserved, which is before it is sent.
    time("created_at"),
    #: What it costs at most: the price that was reserved, or the charge in US dollars if that was more.
    integer("cost_micros"),
    text("upstream_id", null=True),
    time("ended_at", null=True),
    #: `passed`, `refused`, `failed` or `unknown`; null before the end.
    text("outcome", null=True),
    text("stage", default="unknown"),
    #: The provider's words, without the prompt.
    text("error", default=""),
    text("charge_status", default="unknown"),
    Column("amount", Double, nullable=True),
    text("currency", default="USD"),
    text("charge_source", default=""),
    #: `deleted` or `kept`: what became of the provider's copy; null before it is known.
    text("upstream_copy_status", null=True),
    UniqueConstraint("tenant_id", "canary_id", "slot"),
    Index(None, "tenant_id", "created_at", "id"),
    Index(None, "generator", "ended_at"),
    Index(None, "ended_at"),
    #: The calls whose clip at the provider is to be deleted.
    partial_index("created_at", where="upstream_id IS NOT NULL AND upstream_copy_status IS NULL"),
)
