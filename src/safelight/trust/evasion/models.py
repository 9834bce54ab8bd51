"""A lineage: a request that was blocked, and those that reword it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: How long a block is remembered, and how many tries of one person are compared.
WINDOW_S = 86_400
COMPARED = 256


@dataclass(frozen=True, kw_only=True)
class EvasionMatch:
    """What a text inherits from the block it rewords. Without one it is like any other."""

    #: Id of the lineage; None where the text rewords nothing that was blocked.
    lineage: str | None = None
    #: What the block was for: category and score.
    matched_categories: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.lineage is not None


#: Of a text that rewords nothing.
NO_MATCH = EvasionMatch()
