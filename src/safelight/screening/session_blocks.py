"""Blocked prompts of one session or run, kept in memory, so that similar prompts can be recognized."""

from __future__ import annotations

from collections import deque

from safelight.detectors.text.sketch import Embedder, Sketch, similarities, sketch

#: Maximum number of blocked prompts of one end user or account that a new prompt is compared with, newest
#: first.
MAX_COMPARED_BLOCKS = 256
#: From this similarity to a block on, a request gets no help. It is lower than that of a paraphrase (1),
#: because a false alarm costs only suggestions (rates: docs/benchmarks/advice.md).
MIN_HELP_SIMILARITY = 0.6
#: This similarity, and that to an earlier request, are lower by this if one of the two texts has no
#: embedding, because their letters alone are seldom so similar by accident.
LETTERS_MARGIN = 0.15


class SessionBlocks:
    """Sketches of the newest blocked prompts. The prompts themselves are not kept."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder
        self._sketches: deque[Sketch] = deque(maxlen=MAX_COMPARED_BLOCKS)

    def remember(self, text: str) -> None:
        """Remember a prompt that was blocked."""
        self._sketches.append(sketch(text, self._embedder))

    def is_similar(self, text: str) -> bool:
        """Whether the text is similar to a block that is kept, from the same similarity on as in the gateway.

        The gateway also compares with requests that were similar to a block, and keeps what ends with a
        session here.
        """
        if not self._sketches:
            return False
        own = sketch(text, self._embedder)
        nearest = float(similarities([own], list(self._sketches)).max())
        return nearest >= MIN_HELP_SIMILARITY - (0 if own.embedding else LETTERS_MARGIN)
