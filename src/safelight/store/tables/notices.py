"""Notices: when a report is due, and its outcome for the reporter. Removed and hidden videos."""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint

from .types import blob, flag, json, metadata, partial_index, tenant_table, text, time

#: One row for each report, and for each notice of an address without a delivered video. The id is that of the
#: row of `reports`, if there is one. `video_id` is null while the location has no video.
notices = tenant_table(
    "notices",
    text("lane"),
    #: The key, person, end user or hashed address that sent it.
    text("reporter"),
    #: Who sent it, for reviewers: a pseudonym in this tenant, of the contact of a visitor or of `reporter`.
    text("sender", null=True),
    text("name", null=True),
    text("location", null=True),
    text("video_id", null=True),
    text("case_id", null=True),
    #: The SHA-256 of the secret in the address of the receipt.
    text("token_sha256", null=True),
    #: The same secret and the contact, encrypted, until the mail with the decision is queued; null if no mail
    #: is sent.
    blob("receipt_token", null=True),
    #: The id of the last mail with the decision, in `outbox`.
    text("mail_id", null=True),
    #: The language of that mail.
    text("language", null=True),
    text("idempotency_key", null=True),
    text("request_sha256", null=True),
    time("created_at"),
    time("due_at"),
    #: When the video is hidden or removed if no person decided until then, or a notice without a video of its
    #: address is answered; null without that.
    time("unattended_at", null=True),
    #: A `NoticeOutcome`; null while the notice waits.
    text("outcome", null=True),
    time("answered_at", null=True),
    #: When copies were searched and the hashes of the removed video were listed.
    time("followed_up_at", null=True),
    #: The hashes of the registered files that are still to be compared with the removed one; null before the
    #: search.
    json("left_to_compare", null=True),
    #: When name, contact and words of the reporter were erased.
    time("erased_at", null=True),
    #: Until when one process follows up on the removal. Another takes over later.
    time("claimed_until", null=True),
    UniqueConstraint("tenant_id", "reporter", "idempotency_key"),
    Index(None, "tenant_id", "reporter", "created_at"),
    Index(None, "token_sha256"),
    Index(None, "case_id"),
    Index(None, "tenant_id", "sender"),
    partial_index("created_at", "id", where="receipt_token IS NOT NULL"),
    partial_index("unattended_at", where="outcome IS NULL AND unattended_at IS NOT NULL"),
    partial_index("created_at", where="outcome IS NULL"),
    partial_index("answered_at", where="followed_up_at IS NULL AND outcome IS NOT NULL"),
)

#: PDQ hashes of the frames of videos that people removed as intimate pictures.
stay_down_hashes = Table(
    "stay_down_hashes",
    metadata,
    text("tenant_id"),
    text("video_id"),
    #: 64 hexadecimal digits.
    text("hash"),
    time("created_at"),
    PrimaryKeyConstraint("video_id", "hash"),
)

#: Videos that cannot be read while a notice waits. A row with `ended_at` hides nothing.
video_hidings = Table(
    "video_hidings",
    metadata,
    text("tenant_id"),
    text("video_id"),
    text("notice_id"),
    #: As in `notices`.
    text("reporter"),
    time("hidden_at"),
    time("ended_at", null=True),
    #: Whether the video was removed in the end.
    flag("upheld"),
    PrimaryKeyConstraint("video_id", "notice_id"),
    Index(None, "tenant_id", "reporter"),
)
