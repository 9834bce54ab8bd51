"""Draws attacks: languages, families and disguises in turn, on seeds whose plain form is stopped."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .attacks import LANGUAGES, Attack
from .seeds import Seed


@dataclass(frozen=True, kw_only=True)
class DrawnAttack:
    """One disguised seed."""

    attack: Attack
    seed: Seed
    text: str


def draw_attacks(
    attacks: Sequence[Attack],
    seeds: Sequence[Seed],
    *,
    number: int,
    seed: int,
    is_stopped: Callable[[Seed], bool],
) -> list[DrawnAttack]:
    """`number` attacks, or fewer if there are no more different ones. The same arguments draw the same.

    `is_stopped` is asked about a seed when it is its turn. A seed that is not stopped leaves the draw.
    """
    lots = deque(
        _Lot(
            [one for one in attacks if language in one.languages],
            shuffle_seeds(seeds, language, seed),
            seed,
            is_stopped,
        )
        for language in LANGUAGES
    )
    found: list[DrawnAttack] = []
    while lots and len(found) < number:
        lot = lots.popleft()
        drawn = lot.draw()
        if drawn is not None:
            found.append(drawn)
            lots.append(lot)
    return found


def shuffle_seeds(seeds: Sequence[Seed], language: str, seed: int) -> list[Seed]:
    """The seeds of a language in the order in which they are used, the same one for each round."""
    chosen = [one for one in seeds if one.language == language]
    random.Random(f"{seed} {language}").shuffle(chosen)  # noqa: S311 - nothing secret
    return chosen


class _Lot:
    """The draw of one language."""

    def __init__(
        self,
        attacks: Sequence[Attack],
        seeds: Sequence[Seed],
        seed: int,
        is_stopped: Callable[[Seed], bool],
    ) -> None:
        self._seed, self._is_stopped = seed, is_stopped
        self._seeds = deque(seeds)
        families: dict[str, deque[Attack]] = {}
        for one in random.Random(seed).sample(attacks, len(attacks)):  # noqa: S311 - nothing secret
            families.setdefault(one.family, deque()).append(one)
        self._families = deque(families.values())
        self._used: set[tuple[str, str]] = set()

    def draw(self) -> DrawnAttack | None:
        """The next attack of the next family; None if no disguise changes a seed that it did not have."""
        while self._families:
            family = self._families.popleft()
            while family:
                attack = family.popleft()
                if (drawn := self._find(attack)) is not None:
                    family.append(attack)
                    self._families.append(family)
                    return drawn
        return None

    def _find(self, attack: Attack) -> DrawnAttack | None:
        for _ in range(len(self._seeds)):
            seed = self._seeds.popleft()
            key = attack.name, seed.id
            text = "" if key in self._used else attack.variant(seed.text, f"{self._seed} {seed.id}")
            if text and not self._is_stopped(seed):
                continue
            self._seeds.append(seed)
            if text:
                self._used.add(key)
                return DrawnAttack(attack=attack, seed=seed, text=text)
        return None
