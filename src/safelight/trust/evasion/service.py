"""Recognizes a blocked prompt in other words, under any key of the same end user."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row

from safelight.detectors.text.sketch import Embedder, Sketch, similarity, sketch
from safelight.ids import new_id
from safelight.policy.findings import Finding, highest_scores
from safelight.store.database import Database
from safelight.store.transaction import Transaction
from safelight.trust.accounts import Principal

from . import store
from .models import NO_MATCH, EvasionMatch


@dataclass(frozen=True, kw_only=True)
class BlockedPrompt:
    """A prompt that was blocked, with what it is remembered by."""

    principal: Principal
    end_user: str | None
    texts: Mapping[str, str]
    #: Names of the texts that say what not to show.
    negated: Collection[str] = ()
    #: The findings of the verdict that blocked it.
    findings: Iterable[Finding]
    match: EvasionMatch = NO_MATCH
    #: The subject of the audit entry: the id of the video or of the check.
    request_id: str


class EvasionTracker:
    """Remembers sketches of blocked prompts for a day, by end user, or by account if none is named.

    The prompts themselves are not stored. `embedder` embeds a text; without one only the spelling is
    compared.
    """

    def __init__(self, database: Database, embedder: Embedder | None = None) -> None:
        self._database = database
        self._embedder = embedder

    def find_match(
        self,
        principal: Principal,
        end_user: str | None,
        texts: Mapping[str, str],
        *,
        negated: Collection[str] = (),
    ) -> EvasionMatch:
        """The lineage of blocked prompts that these texts are most similar to, if any."""
        with self._database.read_transaction(principal.tenant) as tx:
            blocks = self.recent_blocks(tx, principal, end_user)
        return self.match(blocks, texts, negated=negated)

    def recent_blocks(self, tx: Transaction, principal: Principal, end_user: str | None) -> list[Row[Any]]:
        """The blocked prompts of this end user or account that are still remembered."""
        return store.read_recent_blocks(tx, _subject(principal, end_user))

    def match(
        self, blocks: Sequence[Row[Any]], texts: Mapping[str, str], *, negated: Collection[str] = ()
    ) -> EvasionMatch:
        """As `find_match`, with the rows of `recent_blocks`. Slow: do not hold a transaction open."""
        if not blocks:
            return NO_MATCH
        own = self._sketch(texts, negated)
        similar = [(similarity(own, msgspec.msgpack.decode(row.sketch, type=Sketch)), row) for row in blocks]
        nearest, row = max(similar, key=lambda pair: pair[0])
        if nearest < 1:
            return NO_MATCH
        inherited = (
            pair
            for block in blocks
            if block.lineage == row.lineage
            for pair in block.matched_categories.items()
        )
        return EvasionMatch(lineage=row.lineage, matched_categories=highest_scores(inherited))

    def record_block(self, tx: Transaction, blocked: BlockedPrompt) -> None:
        """Remember a blocked prompt; a paraphrase joins the lineage of its match.

        A block by the safety test card alone is not remembered.
        """
        categories = highest_scores(
            (one.category, one.score) for one in blocked.findings if not one.test_card
        )
        if not categories:
            return
        lineage = blocked.match.lineage or new_id("lineage")
        store.add_block(
            tx,
            subject=_subject(blocked.principal, blocked.end_user),
            lineage=lineage,
            sketch=msgspec.msgpack.encode(self._sketch(blocked.texts, blocked.negated)),
            matched_categories=categories,
        )
        tx.append_audit(
            "rewording.blocked" if blocked.match else "lineage.begun",
            subject=blocked.request_id,
            actor=blocked.principal.id,
            content={"lineage": lineage, "end_user": blocked.end_user},
        )

    def _sketch(self, texts: Mapping[str, str], negated: Collection[str]) -> Sketch:
        words = (text for name, text in texts.items() if name not in negated and name != "composed")
        return sketch("\n".join(words), self._embedder)


def _subject(principal: Principal, end_user: str | None) -> str:
    return f"end_user:{end_user}" if end_user else f"{principal.kind.value}:{principal.id}"
