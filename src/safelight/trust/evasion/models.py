"""A match of a text with earlier blocked prompts.

A lineage is a blocked prompt together with its blocked paraphrases.
"""

from __future__ import annotations

from dataclasses import dataclass

#: How long a blocked prompt is remembered.
WINDOW_S = 86_400
#: Maximum number of blocked prompts of one end user or account that a new prompt is compared with, newest
#: first.
MAX_COMPARED_BLOCKS = 256
#: Maximum number of requests that were similar to a block, and of blocks of other end users, that a new
#: prompt is compared with, newest first. It limits what a check costs. After so many similar requests nothing
#: gets help, because further ones could not be compared.
MAX_COMPARED_OTHERS = 64
#: Maximum number of requests blocked after their prompt that a new request is compared with, newest first.
MAX_LATER_BLOCKS = 8
#: From this similarity to a block on, a request gets no help. It is lower than that of a paraphrase (1),
#: because a false alarm costs only suggestions (rates: docs/benchmarks/advice.md).
MIN_HELP_SIMILARITY = 0.6
#: The same for the similarity to an earlier request that was similar to a block. It is higher, because there
#: can be many of these.
MIN_CHAINED_SIMILARITY = 0.75
#: The same for the similarity to a block of another end user of the account, by letters alone. It is higher
#: than that of a paraphrase (1), because such requests are seldom of the same person
#: (rates: docs/benchmarks/advice.md).
MIN_SIMILARITY_TO_OTHERS = 1.45
#: The first two are lower by this if one of the two texts has no embedding, because their letters alone are
#: seldom so similar by accident.
LETTERS_MARGIN = 0.15
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
