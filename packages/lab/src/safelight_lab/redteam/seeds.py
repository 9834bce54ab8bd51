"""Seeds: harmful texts in plain form, which the attacks disguise. None is about minors and sex."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from safelight.core.errors import InvalidField, NotFound
from safelight.policy.findings import SEXUAL_CATEGORIES, Category
from safelight_lab.evaluation import datasets, protocol
from safelight_lab.evaluation.label_mapping import right_categories
from safelight_lab.evaluation.protocol import EvalCase
from safelight_lab.evaluation.suite import manifests

from .attacks import CHINESE, ENGLISH

#: The manifest of a clone of the repository.
MANIFEST = Path("bench/evaluation.yaml")
MINORS = Category.SEXUAL_MINORS.value
#: The shipped sets that nobody who works on detectors reads: bench/acts/test*, bench/prompts/unseen*.
_SETS = ("acts-", "unseen-")
_UNSAFE = "unsafe"
_HAN = re.compile(r"[㐀-鿿]")
#: Labels of other data sets for the same.
_ABOUT_MINORS = re.compile(r"sexual.?minor|child.?sex|csae|csam", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A harmful text in plain form."""

    id: str
    text: str
    #: `en` or `zh`.
    language: str


@dataclass(frozen=True, kw_only=True)
class SeedSet:
    """The seeds of a run, with a hash of them all."""

    name: str
    sha256: str
    seeds: tuple[Seed, ...]
    #: Rows that are labelled as sexual content about minors.
    left_out: int = 0


def read_seeds(path: Path) -> SeedSet:
    """The unsafe rows of a file. Rows without a label count as unsafe.

    Raises `NotFound`, or `InvalidField`: a wrong line, no unsafe row, or a row about minors and sex.
    """
    found = datasets.read(path)
    cases = [case for case in found.cases if case.label in ("", _UNSAFE)]
    for case in cases:
        if _is_about_minors(case):
            raise InvalidField(
                f"{path.name}, row {case.id}: {MINORS} is never a seed of a red team.",
                param="seeds",
                remedy="Take the row out of the file.",
            )
    return _set_of(path.name, cases, 0)


def load_shipped() -> SeedSet:
    """The unsafe rows of the shipped sets that nobody works on, in English and Chinese. Raises `NotFound`."""
    if not MANIFEST.is_file():
        raise NotFound(f"{MANIFEST} does not exist here.", remedy="Give your own texts: --seeds FILE")
    attacks = protocol.load_installed(protocol.ATTACKS, protocol.Attack)  # type: ignore[type-abstract]
    cases = [
        row.case
        for one in manifests.load_sets(manifests.read_manifest(MANIFEST), attacks)
        if one.entry.purpose == manifests.REPORT and one.entry.name.startswith(_SETS)
        for row in one.rows
        if row.case.label == _UNSAFE
    ]
    kept = [case for case in cases if not _is_about_minors(case)]
    return _set_of(str(MANIFEST), kept, len(cases) - len(kept))


def _set_of(name: str, cases: Iterable[EvalCase], left_out: int) -> SeedSet:
    seeds = {seed.text: seed for seed in _seeds(cases)}
    if not seeds:
        raise InvalidField(f"{name} has no unsafe text in English or Chinese.", param="seeds")
    digest = hashlib.sha256("".join(manifests.sha256_of(text) for text in seeds).encode()).hexdigest()
    return SeedSet(name=name, sha256=digest, seeds=tuple(seeds.values()), left_out=left_out)


def _seeds(cases: Iterable[EvalCase]) -> Iterator[Seed]:
    for case in cases:
        language = case.lang.split("-")[0]
        if language == "und":
            language = CHINESE if _HAN.search(case.text) else ENGLISH
        if language in (ENGLISH, CHINESE):
            yield Seed(id=f"{case.source}/{case.id}", text=case.text, language=language)


def _is_about_minors(case: EvalCase) -> bool:
    categories = right_categories(case)
    if MINORS in categories:
        return True
    if Category.MINORS_PRESENT in categories and categories & SEXUAL_CATEGORIES:
        return True
    return any(_ABOUT_MINORS.search(label) for label in (*case.categories, case.kind, case.fine))
