"""Reads and changes rows of consent requests and of the uses of consents."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import select

from safelight.core.errors import InvalidField, NotFound
from safelight.policy.intended_use import ConsentLevel
from safelight.store.database import Row, Transaction
from safelight.store.rows import read_record
from safelight.store.tables import (
    biometric_templates,
    consent_media,
    consent_requests,
    consent_uses,
    consents,
    videos,
)

from .models import ConsentRequest, ConsentTerms, ConsentUse, Device, RequestState


def find_row(tx: Transaction, identity: str, *, lock: bool = False) -> Row:
    """The row of a request. Raises `NotFound`."""
    row = tx.find(consent_requests, "consent", identity, lock=lock)
    if row is None:
        raise NotFound(f"There is no consent request {identity[:80]!r}.", param="consent_id")
    return row


def request_from_row(row: Row, now: float) -> ConsentRequest:
    """A request. Without an answer in time, it is shown as expired."""
    state = RequestState(row.state)
    if state is RequestState.ASKED and now >= row.link_expires_at:
        state = RequestState.EXPIRED
    terms = msgspec.convert(row.terms, ConsentTerms)
    return read_record(ConsentRequest, row, state=state, terms=terms)


def end_request(tx: Transaction, identity: str, state: RequestState, **changes: Any) -> None:
    """End a request without a consent: its links, its address and its media are deleted."""
    tx.update(
        consent_requests,
        identity,
        state=state.value,
        email="",
        asker_device="",
        link_digest=None,
        page_digest=None,
        **changes,
    )
    delete_media(tx, identity)


def delete_media(tx: Transaction, identity: str) -> None:
    tx.delete(consent_media, consent_media.c.request_id == identity)


def delete_data_of_expired(tx: Transaction) -> int:
    """Delete the templates, addresses and hashes of clips of all consents that have expired.

    The record and the subject's page stay. Returns the number of requests whose data were deleted.
    """
    expired = select(consents.c.id).where(*tx.tenant_condition(consents), consents.c.expires_at <= tx.now())
    tx.delete(biometric_templates, biometric_templates.c.owner_id.in_(expired))
    of = consent_requests.c
    return tx.update(consent_requests, of.id.in_(expired), of.email != "", email="", clip_sha256=None)


def require_camera(off_because: str | None) -> None:
    """Raise `InvalidField` if consents on camera are off."""
    if off_because is not None:
        raise InvalidField(
            f"Consents on camera (level 2) are off: {off_because}",
            param="level",
            remedy="Ask for level 1, or read docs/people.md#consents.",
        )


def record_consent(tx: Transaction, row: Row, level: ConsentLevel) -> None:
    """Record the consent that the subject of this request gave. It has the id of the request."""
    tx.insert(
        consents,
        id=row.id,
        subject=row.subject,
        scope=row.accepted,
        recorded_by="subject",
        evidence="link sent by mail" if row.mailed else "link passed on by the person who asked",
        level=level.value,
        created_at=tx.now(),
        expires_at=msgspec.convert(row.terms, ConsentTerms).expires_at,
    )


def device_digest(identity: str, device: Device) -> str:
    """Differs for each request, so that two requests cannot be linked by it."""
    return hashlib.sha256(f"{identity}\x00{device.address}\x00{device.browser}".encode()).hexdigest()


def read_uses(tx: Transaction, consent_id: str) -> tuple[ConsentUse, ...]:
    """The videos that used a consent, newest first, with their state. A deleted video stays in the list."""
    rows = tx.select(
        consent_uses,
        consent_uses.c.consent_id == consent_id,
        order_by=(consent_uses.c.at.desc(), consent_uses.c.video_id),
    )
    ids = [row.video_id for row in rows]
    columns = [videos.c.id, videos.c.state, videos.c.reinstated_from]
    known = {row.id: row for row in tx.select(videos, videos.c.id.in_(ids), columns=columns)} if ids else {}
    salts = {row.video_id: row.salt for row in rows}

    def find_committed(video_id: str) -> str:
        while salts.get(video_id) is None and (video := known.get(video_id)) and video.reinstated_from:
            video_id = video.reinstated_from
        return video_id

    found = []
    for row in rows:
        committed, video = find_committed(row.video_id), known.get(row.video_id)
        found.append(
            ConsentUse(
                video_id=row.video_id,
                at=row.at,
                state=video.state if video is not None else "deleted",
                salt=salts.get(committed),
                committed_id=committed,
            )
        )
    return tuple(found)
