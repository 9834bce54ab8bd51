"""Cases, decisions, reports, usage of check limits, sketches of blocked prompts, and webhook endpoints."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint

from .types import blob, flag, integer, json, metadata, partial_index, tenant_table, text, time

cases = tenant_table(
    "cases",
    text("video_id"),
    #: Who requested the video; null in an appeal that is not about a video.
    text("account", null=True),
    text("end_user", null=True),
    #: The language of the prompt by its script: `en`, `zh-Hans` or `zh-Hant`; null without a video.
    text("language", null=True),
    text("kind"),
    text("stage"),
    #: For a hold or an appeal, the category of the verdict. For a report, the category of the first report.
    text("category"),
    text("rule"),
    text("reason"),
    text("state"),
    #: The kind and the video, unique while the case is open; null when it is closed.
    text("dedup_key", null=True),
    flag("quarantined"),
    time("opened_at"),
    time("due_at"),
    time("closed_at", null=True),
    #: Added to by each change that a reviewer must know before the decision.
    integer("version", default=1),
    integer("severity", default=1),
    #: The number of videos and reports that the decision is about.
    integer("reach", default=1),
    #: The place in the queue: the smallest comes first.
    time("rank_at", default=lambda context: context.get_current_parameters()["due_at"]),
    #: The open case with which this near-duplicate is decided; null for a case that is decided by itself.
    text("leader_id", null=True),
    #: The id of the first case of the cluster; kept when the case leaves it or is closed.
    text("cluster_id", null=True),
    #: Equal for near-duplicates, also after they are closed; null for a case that is decided by itself.
    text("cluster_key", null=True),
    #: The reviewer who has the case open, until `leased_until`.
    text("leased_by", null=True),
    time("leased_until", null=True),
    #: Whether the lease is for the case after the one that the reviewer has open. Only valid while leased.
    flag("reserved"),
    #: The lowest `ReviewRank` that may decide the case: higher after an escalation, and for an appeal against
    #: a decision of a person with a higher role.
    integer("required_rank", default=1),
    UniqueConstraint("tenant_id", "dedup_key"),
    Index(None, "tenant_id", "state", "due_at"),
    #: The open ones of one kind, of all tenants.
    Index(None, "kind", "state", "due_at"),
    Index(None, "tenant_id", "video_id"),
    # With the state, because SQLite chooses between indexes with equally many columns by chance.
    Index(None, "tenant_id", "leader_id", "state"),
    Index(None, "tenant_id", "cluster_id"),
    #: The queue.
    partial_index("tenant_id", "rank_at", "id", where="state = 'open' AND leader_id IS NULL"),
    #: The case that a reviewer has.
    partial_index("tenant_id", "leased_by", where="leased_by IS NOT NULL"),
    Index(None, "tenant_id", "cluster_key"),
    #: Earlier decisions, of all rules and of one.
    partial_index("tenant_id", "closed_at", where="closed_at IS NOT NULL"),
    partial_index("tenant_id", "rule", "closed_at", where="closed_at IS NOT NULL"),
    #: Earlier decisions about the videos of an account, and of an end user.
    partial_index("tenant_id", "account", "closed_at", where="closed_at IS NOT NULL"),
    partial_index("tenant_id", "account", "end_user", "closed_at", where="closed_at IS NOT NULL"),
)

decisions = tenant_table(
    "decisions",
    text("case_id"),
    text("video_id"),
    text("action"),
    text("reason"),
    text("clause", null=True),
    #: What the person concerned is told.
    text("facts", null=True),
    #: The texts of a saved reply as `ReplyTexts`; null without one.
    json("reply", null=True),
    text("decided_by"),
    time("at"),
    #: The ids of the verdicts on the video at the time of the decision.
    json("verdict_ids"),
    #: The role of the person; null for keys and for the operator at the terminal.
    text("role", null=True),
    #: What the decisions have in common that were made together; null for one by itself.
    text("bulk_id", null=True),
    UniqueConstraint("case_id"),
    Index(None, "tenant_id", "video_id"),
    Index(None, "bulk_id"),
    Index(None, "at"),
)

#: Decisions that can still be undone, and those that could not be carried out. The columns of `decisions`
#: have the same meaning here. A decision that was carried out is only in `decisions`.
pending_decisions = tenant_table(
    "pending_decisions",
    text("case_id"),
    text("video_id"),
    text("action"),
    text("reason"),
    text("clause", null=True),
    text("facts", null=True),
    json("reply", null=True),
    text("decided_by"),
    time("at"),
    json("verdict_ids"),
    text("role", null=True),
    text("bulk_id", null=True),
    time("due_at"),
    #: Why the decision could not be carried out; null until that is tried.
    text("conflict", null=True),
    UniqueConstraint("case_id"),
    Index(None, "due_at"),
)

#: What waits for the vault officer, and what was decided: no content. A row stays when its video is erased.
vault_entries = tenant_table(
    "vault_entries",
    text("kind"),
    #: Or the id of a character.
    text("video_id"),
    #: The kind and the video, unique while the entry is open; null when it is closed.
    text("open_key", null=True),
    time("opened_at"),
    time("due_at"),
    #: The end user or the account of a person that may send no requests because of this entry.
    text("stops", null=True),
    #: The number of alerts of `cases.vault_alerts` that were sent.
    integer("alerts", default=0),
    text("decision", null=True),
    text("note", default=""),
    text("decided_by", null=True),
    time("decided_at", null=True),
    UniqueConstraint("tenant_id", "open_key"),
    partial_index("tenant_id", "id", where="decision IS NULL"),
    partial_index("tenant_id", "stops", where="stops IS NOT NULL"),
)

reports = tenant_table(
    "reports",
    text("video_id"),
    text("case_id"),
    text("category", null=True),
    text("reason"),
    text("note"),
    #: A `TextScreening` as JSON; null if the text was not checked.
    text("text_screening", null=True),
    text("reporter_kind"),
    text("reporter"),
    text("contact", null=True),
    time("created_at"),
    Index(None, "tenant_id", "case_id"),
    Index(None, "tenant_id", "video_id"),
    Index(None, "tenant_id", "reporter", "created_at"),
)

check_usage = Table(
    "check_usage",
    metadata,
    text("tenant_id"),
    #: The subject of the limit: `key:ID`, `person:ID` or `end_user:IDENTIFIER`; for reports those of
    #: `reports.limits`.
    text("subject"),
    #: Start of the minute in unix seconds. The row with 0 is locked while the usage of the subject is
    #: counted.
    integer("window_start"),
    integer("used", default=0),
    PrimaryKeyConstraint("tenant_id", "subject", "window_start"),
)

blocked_prompt_sketches = tenant_table(
    "blocked_prompt_sketches",
    #: `end_user:IDENTIFIER`; if the request named no end user, `key:ID` or `person:ID`.
    text("subject"),
    text("lineage"),
    #: The rejected video; null for a check.
    text("video_id", null=True),
    blob("sketch"),
    #: The categories and scores for which the prompt was blocked.
    json("matched_categories"),
    time("at"),
    Index(None, "tenant_id", "subject", "at"),
)

webhook_endpoints = tenant_table(
    "webhook_endpoints",
    text("name"),
    text("url"),
    json("events"),
    #: The signing secrets, newest first, each with its expiry (null: it does not expire).
    json("secrets"),
    time("created_at"),
    time("updated_at"),
    time("disabled_at", null=True),
    #: `failing_since`: the first failure since the last success. `last_status` and `last_error`: those of the
    #: last attempt.
    time("failing_since", null=True),
    integer("failures", default=0),
    integer("last_status", null=True),
    text("last_error", null=True),
    time("last_success_at", null=True),
    Index(None, "tenant_id"),
)
