"""Whom and what a consent covers, from its row and its request."""

from __future__ import annotations

from collections.abc import Iterable

from safelight.accounts import find_same_people
from safelight.policy.intended_use import ConsentLevel, ConsentLimits, ConsentScope, UseKind
from safelight.store import tables
from safelight.store.database import Row, Transaction


def limits_of(tx: Transaction, consents: Iterable[Row]) -> dict[str, ConsentLimits]:
    """Whom and what these consents cover, by their id. Those that were not given on camera are left out."""
    on_camera = [row.id for row in consents if row.level == ConsentLevel.ON_CAMERA]
    of = tables.consent_requests.c
    rows = tx.select(tables.consent_requests, of.id.in_(on_camera)) if on_camera else ()
    accounts = {asker: find_same_people(tx, (asker,)) for asker in {row.asked_by for row in rows}}
    # A consent without its request covers no request for a video.
    found = dict.fromkeys(on_camera, ConsentLimits())
    for row in rows:
        found[row.id] = ConsentLimits(
            accounts=accounts[row.asked_by],
            end_user=row.end_user,
            kinds=frozenset(UseKind(kind) for kind in row.terms.get("kinds", ())),
            commercial=row.terms["commercial"],
            territory=row.terms["territory"],
            voice=ConsentScope.VOICE.value in row.accepted,
        )
    return found
