"""Compares a request with the consents on which its sources rest: earlier videos and characters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from safelight.consents.limits import limits_of
from safelight.core.errors import Withdrawn
from safelight.policy.findings import Basis, Category, Finding, Match, Modality
from safelight.policy.intended_use import (
    Shortfall,
    VideoRequester,
    find_shortfall,
)
from safelight.store.database import Transaction
from safelight.store.tables import consent_uses, consents, copied_sources, video_lineage

from .lineage import LineageTrace

_DETECTOR, _VERSION = "consents", "1"
#: The value of `kind` in the attributes of the findings. Rule `lk-10` reads it.
CONSENT_KIND = "consent"


def with_consents(
    tx: Transaction, lineage: LineageTrace, requester: VideoRequester, *, compares_faces: bool
) -> LineageTrace:
    """The lineage with its consents, and with a finding for each that does not cover the request.

    `compares_faces`: whether the operator declares a basis for it. Raises `Withdrawn` if a consent was
    withdrawn and its videos are not withdrawn yet.
    """
    sources = sources_of(tx, lineage.parents)
    of = consent_uses.c
    # An ended use was evaluated after the withdrawal: what remains does not need the consent.
    uses = tx.select(consent_uses, of.video_id.in_(sources), of.ended_at.is_(None)) if sources else ()
    rows = tx.select(consents, consents.c.id.in_(sorted({row.consent_id for row in uses}))) if uses else ()
    if any(row.revoked_at is not None for row in rows):
        raise Withdrawn("A consent on which the source rests was withdrawn.")
    limits, now = limits_of(tx, rows), tx.now()
    found = []
    for row in rows:
        shortfall: Shortfall | None = None
        if row.expires_at is not None and row.expires_at <= now:
            shortfall = Shortfall.EXPIRED
        elif row.id in limits:
            # The sound of the source was compared when the source was screened.
            shortfall = find_shortfall(limits[row.id], requester, may_speak=False)
            shortfall = shortfall if shortfall or compares_faces else Shortfall.BASIS
        if shortfall is not None:
            found.append(_finding(row.id, shortfall))
    # Those of an earlier request are about who made that request.
    prior = [one for one in lineage.prior if one.attributes.get("kind") != CONSENT_KIND]
    return replace(lineage, prior=(*prior, *found), consents=tuple(sorted(row.id for row in rows)))


def sources_of(tx: Transaction, parents: Iterable[str]) -> list[str]:
    """These videos and characters, and their sources, each once."""
    found = list(parents)
    for each in found:
        rows = tx.select(video_lineage, video_lineage.c.video_id == each)
        copied = tx.select(copied_sources, copied_sources.c.video_id == each)
        sources = [*(row.parent_id for row in rows), *(row.source_id for row in copied)]
        found += [source for source in dict.fromkeys(sources) if source not in found]
    return found


def _finding(consent_id: str, shortfall: Shortfall) -> Finding:
    return Finding(
        category=Category.LIKENESS.value,
        score=1.0,
        modality=Modality.FRAMES,
        detector=_DETECTOR,
        version=_VERSION,
        basis=Basis.MATCHED,
        reason="The source rests on a consent that does not cover this request.",
        evidence=(Match(list="consents", entry=consent_id),),
        attributes={"kind": CONSENT_KIND, "shortfall": shortfall.value},
    )
