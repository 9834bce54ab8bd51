"""A match with an earlier block. A lineage is a blocked prompt together with its paraphrases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: How long a block is remembered.
WINDOW_S = 86_400
#: Newest blocks of one end user or account that a prompt is compared with.
MAX_COMPARED_BLOCKS = 256


@dataclass(frozen=True, kw_only=True)
class EvasionMatch:
    """The earlier block that a text paraphrases. False if there is none."""

    #: Id of the lineage; None if the text is not a paraphrase of a blocked prompt.
    lineage: str | None = None
    #: Categories and scores of the block.
    matched_categories: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.lineage is not None


#: For a text that is not a paraphrase of a blocked prompt.
NO_MATCH = EvasionMatch()
