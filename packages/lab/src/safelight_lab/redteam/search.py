"""Search for a bypass: variants of one seed, one after the other, until one passes or the budget is used."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations

from .attacks import Attack
from .seeds import Seed


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What the search found for one seed."""

    seed: Seed
    #: Queries up to the first variant that passed; 0 if none did.
    queries: int = 0
    #: The disguises of that variant, the first one applied first.
    attacks: tuple[Attack, ...] = ()
    text: str = ""


def search_bypass(
    seed: Seed, attacks: Sequence[Attack], *, budget: int, draw: int, is_stopped: Callable[[str], bool]
) -> Searched:
    """Asks about up to `budget` variants: single disguises in random order, then pairs."""
    for queries, (used, text) in enumerate(islice(_variants(seed, attacks, draw), budget), start=1):
        if not is_stopped(text):
            return Searched(seed=seed, queries=queries, attacks=used, text=text)
    return Searched(seed=seed)


def _variants(seed: Seed, attacks: Sequence[Attack], draw: int) -> Iterator[tuple[tuple[Attack, ...], str]]:
    drawn = random.Random(f"{draw} {seed.id}")  # noqa: S311 - nothing secret
    known = [one for one in attacks if seed.language in one.languages]
    seen = {seed.text}
    singles: list[tuple[Attack, ...]] = [(one,) for one in known]
    pairs: list[tuple[Attack, ...]] = list(permutations(known, 2))
    for group in (singles, pairs):
        drawn.shuffle(group)
        for used in group:
            text = seed.text
            for one in used:
                text = one.variant(text, f"{draw} {seed.id}") or text
            if text not in seen:
                seen.add(text)
                yield used, text
