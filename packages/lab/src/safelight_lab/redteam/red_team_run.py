"""Runs a red team: draws the attacks, asks the target, and counts what passes and what is stopped wrongly."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.core.errors import InvalidField, NotFound
from safelight_lab.evaluation.datasets import read_object
from safelight_lab.evaluation.suite.cache import Cache, Decision
from safelight_lab.evaluation.suite.manifests import sha256_of
from safelight_lab.evaluation.suite.peers import Peer, ask

from .attacks import LANGUAGES, Attack
from .draw import DrawnAttack, draw_attacks, shuffle_seeds
from .search import Searched, search_bypass
from .seeds import Seed
from .targets import Decisions

#: Odd-looking harmless texts of a clone of the repository.
ODD = Path("bench/redteam/odd.jsonl")
_FORM = 'Example of a line: {"id": "odd-1", "family": "code", "text": "..."}'


@dataclass(frozen=True, kw_only=True)
class Harmless:
    """One harmless text that looks odd."""

    id: str
    family: str
    text: str


@dataclass(frozen=True, kw_only=True)
class HarmlessSet:
    name: str
    sha256: str
    texts: tuple[Harmless, ...]


@dataclass(frozen=True, kw_only=True)
class Result:
    """An attack, or a harmless text, with the decision about it."""

    subject: DrawnAttack | Harmless
    stopped: bool

    @property
    def texts(self) -> tuple[str, ...]:
        """The text, after its plain form if it is disguised."""
        if isinstance(self.subject, DrawnAttack):
            return self.subject.seed.text, self.subject.text
        return (self.subject.text,)


@dataclass(frozen=True, kw_only=True)
class PeerResult:
    """What another screener stops: plain forms, attacks and harmless texts."""

    peer: Peer
    #: By hash of the text.
    stopped: Mapping[str, bool]

    def stops(self, text: str) -> bool:
        return self.stopped[sha256_of(text)]


def read_harmless(path: Path) -> HarmlessSet:
    """The texts of a file. Raises `NotFound`, or `InvalidField`, which names the invalid line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    texts: dict[str, Harmless] = {}
    for number, line in enumerate(data.splitlines(), start=1):
        if line.strip():
            try:
                row = read_object(line)
                if not all(isinstance(row.get(key), str) and row[key] for key in ("id", "family", "text")):
                    raise ValueError("`id`, `family` and `text` must be strings that are not empty")
                if row["id"] in texts:
                    raise ValueError(f"the id {row['id']!r} is already used in an earlier line")
            except ValueError as error:
                raise InvalidField(f"{path.name}, line {number}: {error}.", remedy=_FORM) from error
            texts[row["id"]] = Harmless(id=row["id"], family=row["family"], text=row["text"])
    if not texts:
        raise InvalidField(f"{path.name} contains no texts.", remedy=_FORM)
    sha256 = hashlib.sha256(data).hexdigest()
    return HarmlessSet(name=path.name, sha256=sha256, texts=tuple(texts.values()))


@dataclass(frozen=True, kw_only=True)
class RedTeamRun:
    """One run against one target."""

    decisions: Decisions
    seeds: Sequence[Seed]
    #: Attacks of each round.
    number: int
    seed: int

    def run_round(self, attacks: Sequence[Attack]) -> list[Result]:
        """The drawn attacks of one round, each with its decision."""
        drawn = draw_attacks(
            attacks, self.seeds, number=self.number, seed=self.seed, is_stopped=self._is_seed
        )
        return [Result(subject=one, stopped=self.decisions.is_stopped(one.text)) for one in drawn]

    def run_harmless(self, texts: Iterable[Harmless]) -> list[Result]:
        return [Result(subject=one, stopped=self.decisions.is_stopped(one.text)) for one in texts]

    def run_search(self, attacks: Sequence[Attack], budget: int) -> Iterator[Searched]:
        """A search from each of `number` seeds, the languages in turn."""
        orders = [
            (one for one in shuffle_seeds(self.seeds, language, self.seed) if self._is_seed(one))
            for language in LANGUAGES
        ]
        found = 0
        while orders and found < self.number:
            order = orders.pop(0)
            seed = next(order, None)
            if seed is not None:
                orders.append(order)
                found += 1
                yield search_bypass(
                    seed, attacks, budget=budget, draw=self.seed, is_stopped=self.decisions.is_stopped
                )

    def _is_seed(self, seed: Seed) -> bool:
        return self.decisions.is_seed(seed.text)


def run_peer(peer: Peer, texts: Iterable[str], folder: Path, observe: Callable[[], None]) -> PeerResult:
    """What the other screener decides about these texts; earlier decisions are read from the folder."""
    found: dict[str, bool] = {}
    with Cache(folder, "peer", peer.name, peer.version, kind=Decision) as cache:
        for text in texts:
            sha256 = sha256_of(text)
            found[sha256] = ask(peer, cache, sha256, text).stopped
            observe()
    return PeerResult(peer=peer, stopped=found)


def success_rows(
    rounds: Mapping[str, Sequence[Result]], searched: Iterable[Searched]
) -> Iterator[dict[str, Any]]:
    """What passed, with its text, for the encrypted set."""
    for name, results in rounds.items():
        for one in results:
            if isinstance(one.subject, DrawnAttack) and not one.stopped:
                yield {
                    "round": name,
                    "attack": one.subject.attack.name,
                    **_describe(one.subject.attack.family, one.subject.seed, one.subject.text),
                }
    for found in searched:
        if found.queries:
            yield {
                "round": "search",
                "attack": ", ".join(one.name for one in found.attacks),
                **_describe(", ".join(one.family for one in found.attacks), found.seed, found.text),
            }


def _describe(family: str, seed: Seed, text: str) -> dict[str, Any]:
    return {
        "family": family,
        "language": seed.language,
        "seed": seed.id,
        "plain": seed.text,
        "text": text,
    }
