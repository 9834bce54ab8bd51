"""Recognizes paraphrases of blocked prompts, even if the end user sends them with another API key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
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
from .models import MAX_LATER_BLOCKS, NO_MATCH, EvasionMatch


@dataclass(frozen=True, kw_only=True)
class BlockedPrompt:
    """A blocked prompt, with the data that is needed to recognize paraphrases of it."""

    principal: Principal
    end_user: str | None
    texts: Mapping[str, str]
    #: Names of those texts that describe what the video must not show.
    negated: Collection[str] = ()
    #: Findings of the verdict that blocked the prompt.
    findings: Iterable[Finding]
    match: EvasionMatch = NO_MATCH
    #: Whether paraphrases inherit the findings. They do not if a reference was the reason.
    inherited: bool = True
    #: Id of the blocked video or check. The audit entry has this id as its subject.
    request_id: str
    #: Id of the rejected video; None for a check. An appeal can reverse the rejection.
    video_id: str | None = None


class EvasionTracker:
    """Remembers sketches of blocked prompts for a day: per end user, or per account if no end user is
    named.

    The prompts themselves are not stored. `embedder` compares the meaning of texts; without an embedder only
    the spelling is compared.
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
        """The lineage of blocked prompts that these texts paraphrase, or `NO_MATCH`."""
        with self._database.read_transaction(principal.tenant) as tx:
            blocks = self.recent_blocks(tx, principal, end_user)
        return self.match(blocks, texts, negated=negated)

    def recent_blocks(self, tx: Transaction, principal: Principal, end_user: str | None) -> list[Row[Any]]:
        """The blocked prompts of this end user or account that are still remembered, for `match`."""
        return store.read_recent_blocks(tx, _subject(principal, end_user))

    def match(
        self, blocks: Sequence[Row[Any]], texts: Mapping[str, str], *, negated: Collection[str] = ()
    ) -> EvasionMatch:
        """Same as `find_match`, for blocks that `recent_blocks` returned.

        This is slow, so do not hold a transaction open.
        """
        blocks = [row for row in blocks if row.matched_categories]
        if not blocks:
            return NO_MATCH
        own = self._sketches(texts, negated)
        similar = [(_nearest(own, msgspec.msgpack.decode(row.sketch, type=Sketch)), row) for row in blocks]
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

    def later_blocks(
        self, tx: Transaction, principal: Principal, end_user: str | None
    ) -> list[Mapping[str, str]]:
        """The texts of the requests of this end user or account that were blocked within a day after their
        prompt was allowed: by a reference, by the output or by a reviewer. Negated texts are left out, and
        so are blocks by the safety test card or by a missing check.
        """
        counting = (row for row in store.read_later_blocks(tx, principal.id, end_user) if _counts(row))
        requests = (msgspec.json.decode(row.request) for row in islice(counting, MAX_LATER_BLOCKS))
        return [
            {name: text for name, text in one["texts"].items() if name not in one["negated"]}
            for one in requests
        ]

    def are_two_requests(self, blocks: Sequence[Row[Any]], later: Sequence[Mapping[str, str]]) -> bool:
        """Whether these blocks are of at least two different requests. It can be slow.

        Blocks of one lineage and similar blocks are one request: a prompt is checked while it is typed, and
        then submitted.
        """
        first: dict[bytes, Sketch] = {}
        lineages: set[str] = set()
        # Oldest first: each is similar to the one before while a prompt is typed.
        for row in reversed(blocks):
            if row.sketch not in first:
                found = msgspec.msgpack.decode(row.sketch, type=Sketch)
                if first and row.lineage not in lineages and _nearest(first.values(), found) < 1:
                    return True
                first[row.sketch] = found
            lineages.add(row.lineage)
        known = list(first.values())
        for texts in later:
            own = self._sketches(texts, ())
            if known and all(_nearest(own, one) < 1 for one in known):
                return True
            known.append(own[0])
        return False

    def resembles(
        self,
        texts: Mapping[str, str],
        blocks: Sequence[Row[Any]],
        later: Iterable[Mapping[str, str]],
        *,
        negated: Collection[str] = (),
    ) -> bool:
        """Whether these texts are similar to a block of `recent_blocks` or `later_blocks`. It is slow."""
        sketches = [msgspec.msgpack.decode(row.sketch, type=Sketch) for row in blocks]
        sketches += [self._sketch(one, ()) for one in later]
        if not sketches:
            return False
        own = self._sketches(texts, negated)
        return any(_nearest(own, blocked) >= 1 for blocked in sketches)

    def record_block(self, tx: Transaction, blocked: BlockedPrompt) -> None:
        """Remember a blocked prompt. A paraphrase is added to the lineage that it matches.

        A prompt that only the safety test card blocked is not remembered.
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
            video_id=blocked.video_id,
            sketch=msgspec.msgpack.encode(self._sketch(blocked.texts, blocked.negated)),
            matched_categories=categories if blocked.inherited else {},
        )
        if not blocked.inherited:
            return
        tx.append_audit(
            "rewording.blocked" if blocked.match else "lineage.begun",
            subject=blocked.request_id,
            actor=blocked.principal.id,
            content={"lineage": lineage, "end_user": blocked.end_user},
        )

    def _sketch(self, texts: Mapping[str, str], negated: Collection[str]) -> Sketch:
        return sketch("\n".join(_own_texts(texts, negated)), self._embedder)

    def _sketches(self, texts: Mapping[str, str], negated: Collection[str]) -> list[Sketch]:
        """The sketch of all texts together and of each alone, because a long field would hide a short one."""
        own = _own_texts(texts, negated)
        alone = own if len(own) > 1 else []
        return [self._sketch(texts, negated), *(sketch(text, self._embedder) for text in alone)]


def _counts(row: Row[Any]) -> bool:
    """Whether a video was blocked for its content, or by a reviewer."""
    explanation = msgspec.json.decode(row.explanation or b"{}")
    by_gap = explanation.get("not_checked") and not explanation.get("categories")
    return not explanation.get("test_card") and not (by_gap and row.hold_stage is None)


def _own_texts(texts: Mapping[str, str], negated: Collection[str]) -> list[str]:
    return [text for name, text in texts.items() if name not in negated and name != "composed"]


def _nearest(own: Iterable[Sketch], blocked: Sketch) -> float:
    return max(similarity(one, blocked) for one in own)


def _subject(principal: Principal, end_user: str | None) -> str:
    return f"end_user:{end_user}" if end_user else f"{principal.kind.value}:{principal.id}"
