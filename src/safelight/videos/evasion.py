"""Recognizes paraphrases of blocked prompts. A paraphrase inherits the scores of the blocked prompt."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec
from sqlalchemy import or_

from safelight.accounts import Principal
from safelight.core.ids import new_id
from safelight.detectors.text.sketch import Embedder, Sketch, similarities, sketch
from safelight.policy.findings import Finding, Stage, TextSpan, highest_scores
from safelight.policy.verdicts import Action
from safelight.screening.paraphrases import NO_MATCH, EvasionMatch
from safelight.store.database import Database, Row, Transaction
from safelight.store.tables import blocked_prompt_sketches, videos

#: How long a blocked prompt is remembered.
WINDOW_S = 86_400
#: How long an end user or account gets no suggestions after a block.
NO_HELP_S = 3_600
#: Maximum number of blocked prompts of one end user or account that a new prompt is compared with, newest
#: first.
MAX_COMPARED_BLOCKS = 256
#: Number of texts whose sketches stay in memory, because a sketch with an embedding takes milliseconds.
MAX_KEPT_SKETCHES = 256

_TABLE = blocked_prompt_sketches.c
#: States of a video that our policy or a reviewer ended. A provider's block has the same state and another
#: verdict.
_ENDED_BY_POLICY = ("rejected", "blocked")
#: The field with the text that a client adds to every prompt. It is not remembered, because then every
#: request of the client would be similar to a block.
_TEMPLATE = "template"

# Stores sketches of blocked prompts in the database, which all processes share.


def has_later_block(tx: Transaction, principal_id: str, end_user: str | None) -> bool:
    """Whether our policy or a reviewer blocked a video of this end user or account within the last hour, not
    counting those whose prompt was blocked by itself: these have a sketch.
    """
    since = tx.now() - NO_HELP_S
    own = videos.c.end_user == end_user if end_user else videos.c.principal_id == principal_id
    rows = tx.select(
        videos,
        videos.c.state.in_(_ENDED_BY_POLICY),
        videos.c.updated_at >= since,
        videos.c.ended_at >= since,
        videos.c.verdict_action == Action.BLOCK.value,
        videos.c.reinstated_as.is_(None),
        or_(videos.c.stage != Stage.PROMPT.value, videos.c.hold_stage.is_not(None)),
        own,
        *(() if end_user else (videos.c.end_user.is_(None),)),
    )
    return any(map(_counts, rows))


def delete_blocks_of_video(tx: Transaction, video_id: str) -> None:
    """Forget the blocked prompt of a reinstated video, and the checks of its lineage."""
    for row in tx.select(blocked_prompt_sketches, _TABLE.video_id == video_id):
        tx.delete(
            blocked_prompt_sketches,
            _TABLE.subject == row.subject,
            _TABLE.lineage == row.lineage,
            or_(_TABLE.video_id == video_id, _TABLE.video_id.is_(None)),
        )


# Recognizes paraphrases of blocked prompts, even if the end user sends them with another API key.


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
        # A prompt is often checked and then submitted.
        self._sketch_text = lru_cache(maxsize=MAX_KEPT_SKETCHES)(lambda text: sketch(text, embedder))

    def recent_blocks(self, tx: Transaction, principal: Principal, end_user: str | None) -> list[Row]:
        """The blocked prompts of this end user or account that are still remembered, for `match`."""
        return tx.select(
            blocked_prompt_sketches,
            _TABLE.subject == _subject(principal, end_user),
            _TABLE.at >= tx.now() - WINDOW_S,
            order_by=(_TABLE.at.desc(), _TABLE.id.desc()),
            limit=MAX_COMPARED_BLOCKS,
        )

    def had_block(self, tx: Transaction, principal: Principal, end_user: str | None) -> bool:
        """Whether our policy or a reviewer blocked a request of this end user or account within the last
        hour. Then it gets no suggestions.
        """
        own = _TABLE.subject == _subject(principal, end_user)
        sketches = tx.count(blocked_prompt_sketches, own, _TABLE.at >= tx.now() - NO_HELP_S)
        return bool(sketches) or has_later_block(tx, principal.id, end_user)

    def match(
        self, blocks: Sequence[Row], texts: Mapping[str, str], *, negated: Collection[str] = ()
    ) -> EvasionMatch:
        """The lineage of blocked prompts that these texts paraphrase, or `NO_MATCH`; `blocks` are from
        `recent_blocks`.

        This is slow, so do not hold a transaction open.
        """
        blocks = [row for row in blocks if row.matched_categories]
        if not blocks:
            return NO_MATCH
        own = self._sketches(texts, negated)
        nearest = similarities(own, [_decode(row) for row in blocks]).max(axis=0)
        if nearest.max() < 1:
            return NO_MATCH
        row = blocks[int(nearest.argmax())]
        inherited = (
            pair
            for block in blocks
            if block.lineage == row.lineage
            for pair in block.matched_categories.items()
        )
        this = msgspec.msgpack.encode(own[0])
        return EvasionMatch(
            lineage=row.lineage,
            matched_categories=highest_scores(inherited),
            is_known_to_writer=any(
                block.video_id is not None and block.lineage == row.lineage and block.sketch != this
                for block in blocks
            ),
        )

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
        # Sketches that are too old go when another one comes.
        tx.delete(blocked_prompt_sketches, _TABLE.at < tx.now() - WINDOW_S)
        tx.insert(
            blocked_prompt_sketches,
            id=new_id("sketch"),
            at=tx.now(),
            subject=_subject(blocked.principal, blocked.end_user),
            lineage=lineage,
            video_id=blocked.video_id,
            sketch=msgspec.msgpack.encode(self._sketch(blocked.texts, _left_out(blocked))),
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
        return self._sketch_text("\n".join(_own_texts(texts, negated)))

    def _sketches(self, texts: Mapping[str, str], negated: Collection[str]) -> list[Sketch]:
        """The sketch of all texts together and of each alone, because a long field would hide a short one."""
        own = _own_texts(texts, negated)
        alone = own if len(own) > 1 else []
        return [self._sketch_text(text) for text in ("\n".join(own), *alone)]


def _counts(row: Row) -> bool:
    """Whether a video was blocked for its content, or by a reviewer."""
    explanation = msgspec.json.decode(row.explanation or b"{}")
    by_gap = explanation.get("not_checked") and not explanation.get("categories")
    return not explanation.get("test_card") and not (by_gap and row.hold_stage is None)


def _decode(row: Row) -> Sketch:
    return msgspec.msgpack.decode(row.sketch, type=Sketch)


def _left_out(blocked: BlockedPrompt) -> set[str]:
    """Names of the texts that are not remembered: the negated ones, and the template, unless something was
    found in it.
    """
    fields = {
        place.field for one in blocked.findings for place in one.evidence if isinstance(place, TextSpan)
    }
    return {*blocked.negated, *({_TEMPLATE} - fields)}


def _own_texts(texts: Mapping[str, str], negated: Collection[str]) -> list[str]:
    return [text for name, text in texts.items() if name not in negated and name != "composed"]


def _subject(principal: Principal, end_user: str | None) -> str:
    """`end_user:IDENTIFIER`; if the request names no end user, `key:ID` or `person:ID`."""
    return f"end_user:{end_user}" if end_user else f"{principal.kind.value}:{principal.id}"
