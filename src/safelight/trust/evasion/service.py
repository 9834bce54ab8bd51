"""Knowing a blocked request again in other words, whichever key of an end user it comes with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from safelight.detectors.text.sketch import Embedder, Sketch, similarity, sketch
from safelight.ids import new_id
from safelight.policy.findings import Finding, strongest
from safelight.store.database import Database
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal

from . import store
from .models import NO_MATCH, EvasionMatch


class EvasionTracker:
    """Remembers sketches of blocked words for a day, by end user, or by account where none is named.

    The words themselves are not kept. `meaning` embeds a text where a model is installed; without one
    only spelling is compared.
    """

    def __init__(self, database: Database, meaning: Embedder | None = None) -> None:
        self._database = database
        self._meaning = meaning

    def scrutiny(
        self,
        principal: Principal,
        end_user: str | None,
        texts: Mapping[str, str],
        *,
        negated: Collection[str] = (),
    ) -> EvasionMatch:
        """The lineage of blocked prompts that these texts are most similar to, if any."""
        with self._database.read_transaction(principal.tenant) as tx:
            tries = self.recent_blocks(tx, principal, end_user)
        return self.match(tries, texts, negated=negated)

    def recent_blocks(self, tx: Transaction, principal: Principal, end_user: str | None) -> list[Row[Any]]:
        """The blocked prompts of this end user or account that are still remembered."""
        return store.recent(tx, _subject(principal, end_user))

    def match(
        self, tries: Sequence[Row[Any]], texts: Mapping[str, str], *, negated: Collection[str] = ()
    ) -> EvasionMatch:
        """As `scrutiny`, with the rows of `recent_blocks`. Embeds the texts: call it outside a transaction."""
        if not tries:
            return NO_MATCH
        mine = self._sketch(texts, negated)
        alike = [(similarity(mine, msgspec.msgpack.decode(row.sketch, type=Sketch)), row) for row in tries]
        nearest, row = max(alike, key=lambda pair: pair[0])
        if nearest < 1:
            return NO_MATCH
        inherited = (
            pair for one in tries if one.lineage == row.lineage for pair in one.matched_categories.items()
        )
        return EvasionMatch(lineage=row.lineage, matched_categories=strongest(inherited))

    def note(
        self,
        tx: Transaction,
        principal: Principal,
        end_user: str | None,
        texts: Mapping[str, str],
        *,
        negated: Collection[str] = (),
        scrutiny: EvasionMatch = NO_MATCH,
        findings: Iterable[Finding],
        subject: str,
    ) -> None:
        """Remember a block that rests on `findings`; a rewording joins its lineage. `subject` names the
        request in the log. The test card alone is nobody's probing."""
        about = strongest((one.category, one.score) for one in findings if not one.test_card)
        if not about:
            return
        lineage = scrutiny.lineage or new_id("lineage")
        store.add(
            tx,
            subject=_subject(principal, end_user),
            lineage=lineage,
            sketch=msgspec.msgpack.encode(self._sketch(texts, negated)),
            about=about,
        )
        tx.append_audit(
            "rewording.blocked" if scrutiny else "lineage.begun",
            subject=subject,
            actor=principal.id,
            content={"lineage": lineage, "end_user": end_user},
        )

    def _sketch(self, texts: Mapping[str, str], negated: Collection[str]) -> Sketch:
        words = (text for name, text in texts.items() if name not in negated and name != "composed")
        return sketch("\n".join(words), self._meaning)


def _subject(principal: Principal, end_user: str | None) -> str:
    return f"end_user:{end_user}" if end_user else f"{principal.kind.value}:{principal.id}"
