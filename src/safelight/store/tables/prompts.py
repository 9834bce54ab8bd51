"""Prompt templates, the videos made from them, and the library of proven prompts."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint

from .types import blob, integer, json, metadata, tenant_table, text, time

prompt_templates = tenant_table(
    "prompt_templates",
    text("name"),
    integer("version"),
    text("state"),
    #: The YAML text as it was added; it never changes.
    text("source"),
    text("author"),
    text("author_name"),
    time("created_at"),
    time("submitted_at", null=True),
    text("approver", null=True),
    text("approver_name", null=True),
    time("approved_at", null=True),
    time("retired_at", null=True),
    UniqueConstraint("tenant_id", "name", "version"),
)

template_videos = Table(
    "template_videos",
    metadata,
    text("tenant_id"),
    text("video_id"),
    text("template_id"),
    #: The value of each slot.
    json("slot_values"),
    PrimaryKeyConstraint("tenant_id", "video_id"),
    Index(None, "tenant_id", "template_id"),
)

library_entries = tenant_table(
    "library_entries",
    #: The delivered video that proved the prompt; null for an import.
    text("video_id", null=True),
    text("prompt"),
    #: The hash of the prompt; requests with the same prompt are uses of the entry.
    text("prompt_sha256"),
    #: The embedding of the prompt as signed bytes, for the search by meaning; empty without a model.
    blob("meaning"),
    text("category"),
    text("notes"),
    #: The entry that this one is a variation of.
    text("variation_of", null=True),
    time("created_at"),
    text("created_by"),
    UniqueConstraint("tenant_id", "prompt_sha256"),
    Index(None, "tenant_id", "video_id"),
)

#: The words of each entry, for the search.
library_terms = Table(
    "library_terms",
    metadata,
    text("tenant_id"),
    text("term"),
    text("entry_id"),
    PrimaryKeyConstraint("tenant_id", "term", "entry_id"),
    Index(None, "tenant_id", "entry_id"),
)

#: The videos that were requested with the prompt of an entry.
library_uses = Table(
    "library_uses",
    metadata,
    text("tenant_id"),
    text("entry_id"),
    text("video_id"),
    PrimaryKeyConstraint("tenant_id", "entry_id", "video_id"),
)
