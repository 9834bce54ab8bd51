"""Attacks of a red team: disguises of a text, in rounds. Each round is the work of one group of writers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from safelight.core.errors import InvalidField
from safelight_lab.evaluation import attacks as known

from . import first_disguises, second_disguises

ENGLISH, CHINESE = LANGUAGES = ("en", "zh")
#: The family of the disguises that the normalizer was written for.
DECODED = "decoded"
#: Rewrites a text; the same `random.Random` makes the same variant.
Rewrite: TypeAlias = Callable[[str, random.Random], str]
#: Name, family, languages and function of a disguise.
Disguise: TypeAlias = tuple[str, str, tuple[str, ...], Rewrite]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One disguise. A reader or a model still understands the text."""

    name: str
    family: str
    #: The languages of the texts that it is for.
    languages: tuple[str, ...]
    rewrite: Rewrite

    def variant(self, text: str, key: str) -> str:
        """The disguised text, the same one for the same `key`; empty if it is not different."""
        drawn = random.Random(f"{self.name}\0{key}")  # noqa: S311 - nothing secret
        found = self.rewrite(text, drawn)
        return "" if found == text or not found.strip() else found


def from_disguises(disguises: Sequence[Disguise]) -> tuple[Attack, ...]:
    """The disguises of a module as attacks."""
    return tuple(
        Attack(name=name, family=family, languages=languages, rewrite=rewrite)
        for name, family, languages, rewrite in disguises
    )


def select_rounds(names: Sequence[str]) -> dict[str, tuple[Attack, ...]]:
    """The attacks of these rounds, or of all rounds. Raises `InvalidField` for an unknown one."""
    for name in names:
        if name not in ROUNDS:
            raise InvalidField(f"Unknown round {name!r}; rounds: {', '.join(ROUNDS)}.", param="round")
    return {name: attacks for name, attacks in ROUNDS.items() if not names or name in names}


def _decoded() -> Iterator[Attack]:
    both = {known.INVISIBLE.name, known.BASE64.name, known.HEX.name, known.URL.name}
    for one in known.REWRITINGS:
        languages: tuple[str, ...] = LANGUAGES if one.name in both else (ENGLISH,)
        if one is known.OTHER_SCRIPT:
            languages = (CHINESE,)
        yield Attack(name=one.name, family=DECODED, languages=languages, rewrite=_fixed(one))
    yield Attack(name=known.DISGUISE.name, family=DECODED, languages=(ENGLISH,), rewrite=_disguise)


def _fixed(attack: known.TextAttack) -> Rewrite:
    return lambda text, _drawn: attack.rewrite(text)


def _disguise(text: str, drawn: random.Random) -> str:
    variants = list(known.DISGUISE.variants(text))
    return drawn.choice(variants) if variants else text


#: The attacks by round, the oldest first.
ROUNDS: Mapping[str, tuple[Attack, ...]] = {
    DECODED: tuple(_decoded()),
    "first": from_disguises(first_disguises.DISGUISES),
    "second": from_disguises(second_disguises.DISGUISES),
}
