"""Recognizes paraphrases of blocked prompts. A paraphrase inherits the scores of the blocked prompt."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, Row, or_

from safelight.accounts import Principal
from safelight.core.ids import new_id
from safelight.detectors.text.normalise import normalize_text
from safelight.detectors.text.sketch import Embedder, Sketch, similarities, similarity, sketch
from safelight.policy.findings import Category, Finding, Stage, TextSpan, highest_scores
from safelight.policy.verdicts import Action
from safelight.screening.paraphrases import NO_MATCH, EvasionMatch
from safelight.screening.session_blocks import LETTERS_MARGIN, MAX_COMPARED_BLOCKS, MIN_HELP_SIMILARITY
from safelight.store.database import Database, Transaction
from safelight.store.tables import blocked_prompt_sketches, videos

# Requests for instructions after a block for instructions, also without a common word. Pure.

#: A text in these categories is blocked because of what it would teach.
_TAUGHT = frozenset({Category.ILLICIT.value, Category.SELF_HARM_INSTRUCTIONS.value})
#: Read in the normalized text: without disguises, and with simplified characters.
_INSTRUCTIONS = re.compile(
    r"\b(?:step[\s-]*by[\s-]*step|(?:each|every) (?:single )?step|how[\s-]+to"
    r"|how (?:it|this) is (?:made|done)|instructions?|tutorials?|lessons?|recipes?|procedure"
    r"|teach(?:es|ing)?|explains? how"
    r"|walk-?throughs?|(?:a|the|complete|beginner'?s) guide (?:to|for|on)"
    r"|diagrams? (?:with|of) (?:the )?amounts?)\b"
    r"|步骤|一步步|一步一步|教我|教学|教程|手把手教|怎么做|怎么制作|怎样制作|怎样做|制作过程|制作方法|如何|配方|做法"
)


def asks_for_instructions(texts: Iterable[str]) -> bool:
    """Whether a text asks to show how something is done."""
    return any(_INSTRUCTIONS.search(normalize_text(text)) for text in texts)


def is_about_instructions(categories: Iterable[str]) -> bool:
    """Whether a block with these categories was for instructions."""
    return not _TAUGHT.isdisjoint(categories)


# A match of a text with earlier blocked prompts.
#
# A lineage is a blocked prompt together with its blocked paraphrases.

#: How long a blocked prompt is remembered.
WINDOW_S = 86_400
#: Maximum number of requests that were similar to a block, and of blocks of other end users, that a new
#: prompt is compared with, newest first. It limits what a check costs. After so many similar requests nothing
#: gets help, because further ones could not be compared.
MAX_COMPARED_OTHERS = 64
#: Maximum number of requests blocked after their prompt that a new request is compared with, newest first.
MAX_LATER_BLOCKS = 8
#: From this similarity to an earlier request on that was similar to a block, a request gets no help. It is
#: higher than that to a block, because there can be many of these.
MIN_CHAINED_SIMILARITY = 0.75
#: The same for the similarity to a block of another end user of the account, by letters alone. It is higher
#: than that of a paraphrase (1), because such requests are seldom of the same person
#: (rates: docs/benchmarks/advice.md).
MIN_SIMILARITY_TO_OTHERS = 1.45
#: Number of texts whose sketches stay in memory, because a sketch with an embedding takes milliseconds.
MAX_KEPT_SKETCHES = 256


@dataclass(frozen=True, kw_only=True)
class Requester:
    """Who sent a request."""

    #: `end_user:IDENTIFIER`; if the request names no end user, the same as `account`.
    subject: str
    #: `key:ID` or `person:ID`.
    account: str


@dataclass(frozen=True, kw_only=True)
class SimilarBlock:
    """The newest block that a request is similar to; one of the same end user or account comes first."""

    #: Id of its sketch; for a request that was blocked after its prompt, of the video.
    id: str
    at: float
    #: Whether the block is of the same end user or account, and not of another end user of the account.
    own: bool
    #: Whether a later request is compared with one that is similar to this block. Not if both only are about
    #: instructions: a harmless recipe would spread its refusal to every text like it.
    chained: bool = True


# Stores sketches of blocked prompts in the database, which all processes share.

_TABLE = blocked_prompt_sketches.c
#: States of a video that our policy or a reviewer ended. A provider's block has the same state and another
#: verdict.
_ENDED_BY_POLICY = ("rejected", "blocked")


def read_recent_blocks(tx: Transaction, subject: str) -> list[Row[Any]]:
    """The newest blocked prompts of this end user or account that are still remembered."""
    return _read_newest(tx, _TABLE.subject == subject, _TABLE.blocked, limit=MAX_COMPARED_BLOCKS)


def read_similar_requests(tx: Transaction, subject: str) -> list[Row[Any]]:
    """The newest requests of this end user or account that were similar to a block."""
    return _read_newest(tx, _TABLE.subject == subject, ~_TABLE.blocked, limit=MAX_COMPARED_OTHERS)


def read_blocks_of_others(tx: Transaction, requester: Requester) -> list[Row[Any]]:
    """The newest blocked prompts of other end users of the same account."""
    others = _TABLE.subject != requester.subject
    return _read_newest(
        tx, _TABLE.account == requester.account, others, _TABLE.blocked, limit=MAX_COMPARED_OTHERS
    )


def _read_newest(tx: Transaction, *conditions: ColumnElement[bool], limit: int) -> list[Row[Any]]:
    return tx.select(
        blocked_prompt_sketches,
        *conditions,
        _TABLE.at >= tx.now() - WINDOW_S,
        order_by=(_TABLE.at.desc(), _TABLE.id.desc()),
        limit=limit,
    )


def read_later_blocks(tx: Transaction, principal_id: str, end_user: str | None) -> list[Row[Any]]:
    """The videos of this end user or account that our policy or a reviewer blocked within the window, without
    those whose prompt was blocked by itself: these have a sketch.
    """
    since = tx.now() - WINDOW_S
    own = videos.c.end_user == end_user if end_user else videos.c.principal_id == principal_id
    return tx.select(
        videos,
        videos.c.state.in_(_ENDED_BY_POLICY),
        videos.c.updated_at >= since,
        videos.c.ended_at >= since,
        videos.c.verdict_action == Action.BLOCK.value,
        videos.c.reinstated_as.is_(None),
        or_(videos.c.stage != Stage.PROMPT.value, videos.c.hold_stage.is_not(None)),
        own,
        *(() if end_user else (videos.c.end_user.is_(None),)),
        order_by=(videos.c.ended_at.desc(),),
        limit=MAX_COMPARED_BLOCKS,
    )


def add_block(
    tx: Transaction,
    *,
    requester: Requester,
    lineage: str,
    video_id: str | None,
    sketch: bytes,
    matched_categories: Mapping[str, float],
) -> None:
    """Store a blocked prompt, and delete sketches that are too old."""
    _delete_old(tx)
    tx.insert(
        blocked_prompt_sketches,
        id=new_id("sketch"),
        subject=requester.subject,
        account=requester.account,
        lineage=lineage,
        video_id=video_id,
        sketch=sketch,
        matched_categories=dict(matched_categories),
        blocked=True,
        at=tx.now(),
    )


def add_similar_request(tx: Transaction, requester: Requester, *, sketch: bytes, block: SimilarBlock) -> None:
    """Store a request that is similar to a block, unless it is stored already, and delete sketches that are
    too old.
    """
    _delete_old(tx)
    same = (
        _TABLE.subject == requester.subject,
        _TABLE.sketch == sketch,
        _TABLE.at >= block.at,
        ~_TABLE.blocked,
    )
    if tx.select(blocked_prompt_sketches, *same, limit=1):
        return
    tx.insert(
        blocked_prompt_sketches,
        id=new_id("sketch"),
        subject=requester.subject,
        account=requester.account,
        lineage=block.id,
        video_id=None,
        sketch=sketch,
        matched_categories={},
        blocked=False,
        at=block.at,
    )


def delete_blocks_of_video(tx: Transaction, video_id: str) -> None:
    """Forget the blocked prompt of a reinstated video, the checks of its lineage, and the requests that were
    similar to one of these or to the video.
    """
    gone = [video_id]
    for row in tx.select(blocked_prompt_sketches, _TABLE.video_id == video_id):
        of_lineage = (
            _TABLE.subject == row.subject,
            _TABLE.lineage == row.lineage,
            or_(_TABLE.video_id == video_id, _TABLE.video_id.is_(None)),
        )
        gone += [one.id for one in tx.select(blocked_prompt_sketches, *of_lineage)]
        tx.delete(blocked_prompt_sketches, *of_lineage)
    tx.delete(blocked_prompt_sketches, ~_TABLE.blocked, _TABLE.lineage.in_(gone))


def _delete_old(tx: Transaction) -> None:
    tx.delete(blocked_prompt_sketches, _TABLE.at < tx.now() - WINDOW_S)


# Recognizes paraphrases of blocked prompts, even if the end user sends them with another API key.

#: The field with the text that a client adds to every prompt. It is not remembered, because then every
#: request of the client would be similar to a block.
_TEMPLATE = "template"


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


@dataclass(frozen=True, kw_only=True)
class LaterBlock:
    """A request that was blocked after its prompt was allowed: its video, when, its texts without negated
    ones, and the categories of the block.
    """

    video_id: str
    at: float
    texts: Mapping[str, str]
    categories: Collection[str] = ()


@dataclass(frozen=True, kw_only=True)
class RecentBlocks:
    """What a request is compared with to decide whether it gets help: the blocks of a day, newest first."""

    #: Blocked prompts of this end user or account.
    prompts: Sequence[Row[Any]]
    #: Requests of this end user or account that were blocked after their prompt.
    later: Sequence[LaterBlock]
    #: Requests of this end user or account that got no help, because they were similar to a block.
    similar: Sequence[Row[Any]]
    #: Blocked prompts of other end users of the account.
    others: Sequence[Row[Any]]

    @property
    def is_full(self) -> bool:
        """Whether so many requests were similar to a block that no further one can be remembered."""
        return len(self.similar) >= MAX_COMPARED_OTHERS


class EvasionTracker:
    """Remembers sketches of blocked prompts for a day: per end user, or per account if no end user is
    named.

    The prompts themselves are not stored. `embedder` compares the meaning of texts; without an embedder only
    the spelling is compared.
    """

    def __init__(self, database: Database, embedder: Embedder | None = None) -> None:
        self._database = database
        # The same texts are compared by `match` and `resembles`, and later blocks by each check of a day.
        self._sketch_text = lru_cache(maxsize=MAX_KEPT_SKETCHES)(lambda text: sketch(text, embedder))

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
        return read_recent_blocks(tx, _requester(principal, end_user).subject)

    def read_history(self, tx: Transaction, principal: Principal, end_user: str | None) -> RecentBlocks:
        """All blocks that decide whether a request of this end user or account gets help."""
        requester = _requester(principal, end_user)
        counting = (row for row in read_later_blocks(tx, principal.id, end_user) if _counts(row))
        prompts = read_recent_blocks(tx, requester.subject)
        later = [_later_block(row) for row in islice(counting, MAX_LATER_BLOCKS)]
        others = read_blocks_of_others(tx, requester)
        any_block = bool(prompts or later or others)
        return RecentBlocks(
            prompts=prompts,
            later=later,
            # They are not older than their block.
            similar=read_similar_requests(tx, requester.subject) if any_block else (),
            others=others,
        )

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

    def are_two_requests(self, history: RecentBlocks) -> bool:
        """Whether the blocks of this end user or account are of at least two different requests. It can be
        slow.

        Blocks of one lineage and similar blocks are one request: a prompt is checked while it is typed, and
        then submitted.
        """
        first: dict[bytes, Sketch] = {}
        lineages: set[str] = set()
        # Oldest first: each is similar to the one before while a prompt is typed.
        for row in reversed(history.prompts):
            if row.sketch not in first:
                found = _decode(row)
                if first and row.lineage not in lineages and _nearest(first.values(), found) < 1:
                    return True
                first[row.sketch] = found
            lineages.add(row.lineage)
        known = list(first.values())
        for one in history.later:
            own = self._sketches(one.texts, ())
            if known and all(_nearest(own, other) < 1 for other in known):
                return True
            known.append(own[0])
        return False

    def find_similar(
        self, texts: Mapping[str, str], history: RecentBlocks, *, negated: Collection[str] = ()
    ) -> SimilarBlock | None:
        """The block that these texts are similar to; None if there is none. It is slow."""
        compared = [_Compared(row.id, row.at, _decode(row), MIN_HELP_SIMILARITY) for row in history.prompts]
        compared += [
            _Compared(one.video_id, one.at, self._sketch(one.texts, ()), MIN_HELP_SIMILARITY)
            for one in history.later
        ]
        compared += [
            _Compared(row.lineage, row.at, _decode(row), MIN_CHAINED_SIMILARITY) for row in history.similar
        ]
        if compared and (newest := _newest_similar(self._sketches(texts, negated), compared)):
            return SimilarBlock(id=newest.block_id, at=newest.at, own=True)
        taught = [
            (row.at, row.id) for row in history.prompts if is_about_instructions(row.matched_categories)
        ]
        taught += [(one.at, one.video_id) for one in history.later if is_about_instructions(one.categories)]
        if taught and asks_for_instructions(_own_texts(texts, negated)):
            # An allusion to the blocked content shares no word with it.
            at, block_id = max(taught)
            return SimilarBlock(id=block_id, at=at, own=True, chained=False)
        if history.others:
            # Without embeddings, which would take milliseconds in each check of an account with blocks.
            spelling = self._sketches(texts, negated, embed=False)
            others = [
                _Compared(row.id, row.at, _decode(row), MIN_SIMILARITY_TO_OTHERS) for row in history.others
            ]
            if newest := _newest_similar(spelling, others):
                return SimilarBlock(id=newest.block_id, at=newest.at, own=False)
        return None

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
        add_block(
            tx,
            requester=_requester(blocked.principal, blocked.end_user),
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

    def record_similar(
        self,
        tx: Transaction,
        principal: Principal,
        end_user: str | None,
        texts: Mapping[str, str],
        *,
        negated: Collection[str] = (),
        block: SimilarBlock,
    ) -> None:
        """Remember a request that is similar to a block, so that a chain of small changes is recognized.

        `block`: the result of `find_similar`. The request is forgotten together with that block. It is not
        remembered if the block is of another end user, because by letters alone harmless requests are similar
        too, nor if both only are about instructions.
        """
        if not (block.own and block.chained):
            return
        add_similar_request(
            tx,
            _requester(principal, end_user),
            sketch=msgspec.msgpack.encode(self._sketch(texts, {*negated, _TEMPLATE})),
            block=block,
        )

    def _sketch(self, texts: Mapping[str, str], negated: Collection[str]) -> Sketch:
        return self._sketch_text("\n".join(_own_texts(texts, negated)))

    def _sketches(
        self, texts: Mapping[str, str], negated: Collection[str], *, embed: bool = True
    ) -> list[Sketch]:
        """The sketch of all texts together and of each alone, because a long field would hide a short one."""
        own = _own_texts(texts, negated)
        alone = own if len(own) > 1 else []
        make = self._sketch_text if embed else sketch
        return [make(text) for text in ("\n".join(own), *alone)]


def _counts(row: Row[Any]) -> bool:
    """Whether a video was blocked for its content, or by a reviewer."""
    explanation = msgspec.json.decode(row.explanation or b"{}")
    by_gap = explanation.get("not_checked") and not explanation.get("categories")
    return not explanation.get("test_card") and not (by_gap and row.hold_stage is None)


def _later_block(row: Row[Any]) -> LaterBlock:
    request = msgspec.json.decode(row.request)
    kept = {name: text for name, text in request["texts"].items() if name not in request["negated"]}
    categories = msgspec.json.decode(row.explanation or b"{}").get("categories") or ()
    return LaterBlock(video_id=row.id, at=row.ended_at, texts=kept, categories=categories)


def _decode(row: Row[Any]) -> Sketch:
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


def _nearest(own: Iterable[Sketch], blocked: Sketch) -> float:
    return max(similarity(one, blocked) for one in own)


class _Compared(NamedTuple):
    """A sketch that a request is compared with."""

    block_id: str
    at: float
    sketch: Sketch
    least: float


def _newest_similar(own: list[Sketch], compared: list[_Compared]) -> _Compared | None:
    """The newest of those sketches to which one of `own` has at least their least similarity."""
    found = similarities(own, [one.sketch for one in compared])
    for row, mine in zip(found, own, strict=True):
        row += [
            LETTERS_MARGIN if one.least < 1 and not (mine.embedding and one.sketch.embedding) else 0
            for one in compared
        ]
    reached = np.any(found >= np.array([one.least for one in compared]), axis=0)
    return max((compared[column] for column in np.flatnonzero(reached)), key=lambda one: one.at, default=None)


def _requester(principal: Principal, end_user: str | None) -> Requester:
    account = f"{principal.kind.value}:{principal.id}"
    return Requester(subject=f"end_user:{end_user}" if end_user else account, account=account)
