"""Requests for a consent, the clips of the people who were asked, and the uses of consents."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from .types import blob, integer, json, metadata, partial_index, tenant_table, text, time

consent_requests = tenant_table(
    "consent_requests",
    #: The person or key that asks, and its end user.
    text("asked_by"),
    text("end_user", null=True),
    #: The name that the subject reads.
    text("asker"),
    text("subject"),
    #: The address of the subject. Emptied when the request ends without a consent, or with the consent.
    text("email"),
    text("language"),
    #: What is asked: the terms, as JSON.
    json("terms"),
    #: The level that is asked for: 1 or 2.
    integer("level"),
    #: The random words that the subject shows or speaks in the clip.
    text("phrase"),
    text("state"),
    #: Digest of the link that asks. Null after the answer: the link works once.
    text("link_digest", null=True),
    time("link_expires_at"),
    #: Whether the link was sent to the address, so that an answer shows that the subject has the address.
    Column("mailed", Boolean, nullable=False),
    #: Digest of the network address and the browser of the person who asks.
    text("asker_device"),
    #: What a reviewer has to clear, such as the same device.
    json("flags"),
    #: The parts that the subject accepted.
    json("accepted"),
    #: Digest of the link of the subject's page, after a consent was given.
    text("page_digest", null=True),
    #: Hash of the clip, to refuse the same file again.
    text("clip_sha256", null=True),
    text("idempotency_key", null=True),
    time("created_at"),
    time("answered_at", null=True),
    text("decided_by", null=True),
    time("decided_at", null=True),
    UniqueConstraint("link_digest"),
    UniqueConstraint("page_digest"),
    UniqueConstraint("tenant_id", "idempotency_key"),
    Index(None, "tenant_id", "created_at"),
    Index(None, "tenant_id", "state"),
    Index(None, "tenant_id", "clip_sha256"),
)

#: The clip or picture of a subject, encrypted, until a reviewer has decided.
consent_media = Table(
    "consent_media",
    metadata,
    text("tenant_id"),
    text("request_id", primary_key=True),
    text("media_type"),
    blob("ciphertext"),
    time("created_at"),
)

#: A video for which a consent made a difference.
consent_uses = Table(
    "consent_uses",
    metadata,
    text("tenant_id"),
    text("consent_id"),
    text("video_id"),
    time("at"),
    #: When the withdrawal of the consent was carried out for this video.
    time("ended_at", null=True),
    #: The salt of the commitment in the manifest of the video; null before the video is sealed.
    text("salt", null=True),
    PrimaryKeyConstraint("consent_id", "video_id"),
    Index(None, "tenant_id", "video_id"),
    Index(None, "ended_at"),
    #: The uses to be ended when a consent is withdrawn.
    partial_index("consent_id", "at", where="ended_at IS NULL"),
)
