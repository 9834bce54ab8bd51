"""Evaluation of rewrites on simulated filters: how often one of the first three suggestions passes.

Also what the rewrites change. For comparison: the same prompt again, random changes of as many words, and the
best prompt without one word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from safelight.core.errors import InvalidField
from safelight.providers.advice.meaning_slots import FIXED, find_fixed_changes, find_slots
from safelight.providers.advice.omissions import EstimateRisks
from safelight.providers.advice.risk_features import find_features
from safelight.providers.advice.risk_model import JudgedRequest, fit_risk
from safelight.providers.advice.suggestion import Suggestion
from safelight_lab.simulation.hidden_filter import FilterFamily, HiddenFilter, make_filter
from safelight_lab.simulation.scene_grammar import scene_grammar

from .intervals import bootstrap_mean

#: Numbers of own outcomes that the suggestions know, and filters of each family.
OUTCOMES, FILTERS = (0, 50, 300), 5
#: Refused prompts in all.
PROMPTS = 300
GRAMMAR, DATA = "grammar", "data"
#: Share of the prompts that a filter refuses, and its share of wrong answers.
_RATE, _NOISE = 0.3, 0.03
#: Suggestions that are tried, and tries of the alternatives to them.
_TRIES = 3
_FIRST_SEED = 7_300
#: Prompts of the grammar of which some are refused; more than needed.
_POOL = 900
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")

#: The suggestions on a prompt, given estimates by own outcomes.
Suggest = Callable[[str, EstimateRisks], Sequence[Suggestion]]


@dataclass(frozen=True, kw_only=True)
class RewriteOutcome:
    """What happened to one refused prompt."""

    source: str
    family: str
    outcomes: int
    suggestions: int
    #: Whether a try passed: of the suggestions, and of each alternative.
    passed: Mapping[str, bool]
    #: The probability that the filter refuses the prompt, and the first suggestion; without one, the same.
    refusal: float
    first_refusal: float
    #: Per rewrite: slots outside the named words, and how many of them are kept; the same for all slots.
    slots: tuple[tuple[int, int, int, int], ...]
    #: Rewrites that change who, number, age, identity or quoted text.
    changed_fixed: int
    #: Share of the words that each rewrite leaves out or replaces.
    changed_words: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class RewriteEvaluation:
    """Evaluates the suggestions on prompts that hidden filters refuse."""

    suggest: Suggest
    #: Harmless prompts of other sources; they are one source here.
    data: Sequence[str] = ()
    prompts: int = PROMPTS
    filters: int = FILTERS
    first_seed: int = _FIRST_SEED
    observe: Callable[[], None] = field(default=lambda: None)

    @property
    def cells(self) -> int:
        """How often `observe` is called."""
        return len(list(self._sources())) * len(FilterFamily) * self.filters

    def run(self) -> dict[str, Any]:
        """The report as JSON. Raises `InvalidField` if there are too few prompts."""
        found: list[RewriteOutcome] = []
        each = -(-self.prompts // self.cells)
        for source, pool in self._sources():
            for family in FilterFamily:
                for number in range(self.filters):
                    found += self._run_cell(source, pool, family, self.first_seed + number, each)
                    self.observe()
        groups = [("*", "*"), *((source, "*") for source, _pool in self._sources())]
        groups += [("*", family.value) for family in FilterFamily]
        return {
            "simulated": True,
            "prompts": each * self.cells,
            "filters": self.filters,
            "rows": [
                _summarize(source, family, outcomes, members)
                for outcomes in OUTCOMES
                for source, family in groups
                if (
                    members := [
                        one
                        for one in found
                        if one.outcomes == outcomes
                        and source in ("*", one.source)
                        and family in ("*", one.family)
                    ]
                )
            ],
        }

    def _sources(self) -> Iterator[tuple[str, Sequence[str]]]:
        yield GRAMMAR, ()
        if self.data:
            yield DATA, self.data

    def _run_cell(
        self, source: str, pool: Sequence[str], family: FilterFamily, seed: int, count: int
    ) -> Iterator[RewriteOutcome]:
        random = np.random.default_rng(seed)
        prompts = list(pool) or scene_grammar().prompts(_POOL, seed)
        random.shuffle(prompts)
        hidden = make_filter(family, seed, rate=_RATE, noise=_NOISE)
        if pool:
            hidden = HiddenFilter.calibrate(hidden.score, rate=_RATE, noise=_NOISE, prompts=prompts)
        known = [
            JudgedRequest(prompt=one, refused=bool(random.random() < hidden.probability(one)), at=float(at))
            for at, one in enumerate(prompts[: max(OUTCOMES)])
        ]
        refused = [one for one in prompts[max(OUTCOMES) :] if random.random() < hidden.probability(one)][
            :count
        ]
        if len(refused) < count:
            raise InvalidField(
                f"A filter refuses {len(refused)} of these prompts; {count} are needed. Give more prompts.",
                param="data",
            )
        for size in OUTCOMES:
            estimate = _fit(known[:size])
            for prompt in refused:
                suggestions = self.suggest(prompt, estimate)[:_TRIES]
                yield _try(prompt, suggestions, hidden, random, (source, family.value, size))


def _fit(known: Sequence[JudgedRequest]) -> EstimateRisks:
    model = fit_risk(known)
    if model is None:
        return lambda _prompts: None
    return lambda prompts: [float(one) for one in model.probabilities([*map(find_features, prompts)])]


def _try(
    prompt: str,
    suggestions: Sequence[Suggestion],
    hidden: HiddenFilter,
    random: np.random.Generator,
    cell: tuple[str, str, int],
) -> RewriteOutcome:
    rewrites = [one.rewritten for one in suggestions]
    changed = [_count_changed(one) for one in suggestions]

    def passes(texts: Sequence[str]) -> bool:
        return any(random.random() >= hidden.probability(text) for text in texts)

    best, best_allowed = _best_edits(prompt, hidden)
    source, family, outcomes = cell
    return RewriteOutcome(
        source=source,
        family=family,
        outcomes=outcomes,
        suggestions=len(rewrites),
        passed={
            "suggestions": passes(rewrites),
            "no_change_as_often": passes([prompt] * len(rewrites)),
            "no_change": passes([prompt] * _TRIES),
            "random_words": passes([_change_words(prompt, count, random) for count in changed]),
            "best_word": passes([best] * _TRIES),
            "best_allowed_word": passes([best_allowed] * _TRIES),
        },
        refusal=hidden.probability(prompt),
        first_refusal=hidden.probability((rewrites or [prompt])[0]),
        slots=tuple(_compare_slots(prompt, one) for one in suggestions),
        changed_fixed=sum(bool(find_fixed_changes(prompt, one)) for one in rewrites),
        changed_words=tuple(count / max(len(_WORD.findall(prompt)), 1) for count in changed),
    )


def _count_changed(suggestion: Suggestion) -> int:
    """The words that a suggestion leaves out or replaces."""
    return sum(len(_WORD.findall(part.text)) for part in suggestion.diff if part.change == "removed")


def _change_words(prompt: str, count: int, random: np.random.Generator) -> str:
    """The prompt with as many random words left out, or replaced by words of the scene grammar."""
    words = list(_WORD.finditer(prompt))
    chosen = sorted(random.choice(len(words), min(count, len(words)), replace=False), reverse=True)
    vocabulary = scene_grammar().vocabulary()
    for at in chosen:
        new = str(random.choice(vocabulary)) if random.random() < 0.5 else ""
        prompt = prompt[: words[at].start()] + new + prompt[words[at].end() :]
    return prompt


def _best_edits(prompt: str, hidden: HiddenFilter) -> tuple[str, str]:
    """The prompt without the word that is refused most: any word, and one that a rewrite may change."""
    fixed = [(one.start, one.end) for one in find_slots(prompt) if one.slots & FIXED]
    without = [
        (
            hidden.probability(text),
            text,
            any(start < word.end() and word.start() < end for start, end in fixed),
        )
        for word in _WORD.finditer(prompt)
        for text in (_without(prompt, word.group()),)
    ]
    ranked = [text for _chance, text, _is_fixed in sorted(without)]
    allowed = [text for _chance, text, is_fixed in sorted(without) if not is_fixed]
    return (ranked or [prompt])[0], (allowed or [prompt])[0]


def _without(prompt: str, word: str) -> str:
    return re.sub(rf"\b{re.escape(word)}\b", "", prompt, flags=re.IGNORECASE)


def _compare_slots(prompt: str, suggestion: Suggestion) -> tuple[int, int, int, int]:
    after = Counter((one.value, one.slots) for one in find_slots(suggestion.rewritten))
    outside = same_outside = same = 0
    slots = find_slots(prompt)
    # Slots outside the named words first: an equal value inside them does not count as kept.
    named = [any(edit.start < one.end and one.start < edit.end for edit in suggestion.edits) for one in slots]
    for is_named, one in sorted(zip(named, slots, strict=True), key=lambda each: each[0]):
        key = (one.value, one.slots)
        kept = after[key] > 0
        after[key] -= kept
        outside += not is_named
        same_outside += kept and not is_named
        same += kept
    return outside, same_outside, len(slots), same


def _summarize(source: str, family: str, outcomes: int, members: Sequence[RewriteOutcome]) -> dict[str, Any]:
    slots = [np.sum(one.slots, axis=0) if one.slots else np.zeros(4) for one in members]
    totals = np.sum(slots, axis=0)
    words = [share for one in members for share in one.changed_words]
    # A deterministic filter refuses what this one refuses in more than half of the tries.
    sure = [one for one in members if one.refusal > 0.5]
    return {
        "source": source,
        "family": family,
        "outcomes": outcomes,
        "n": len(members),
        "without_suggestions": sum(not one.suggestions for one in members),
        "passed": {name: bootstrap_mean([one.passed[name] for one in members]) for name in members[0].passed},
        # One try: the share that passes a deterministic filter, and the probability at a stochastic one.
        "first": {
            "sure": bootstrap_mean([one.first_refusal <= 0.5 for one in sure]) if sure else None,
            "refused_surely": len(sure),
            "again": float(np.mean([1 - one.refusal for one in members])),
            "suggestion": float(np.mean([1 - one.first_refusal for one in members])),
        },
        "slots_outside_kept": float(totals[1] / totals[0]) if totals[0] else None,
        "slots_kept": float(totals[3] / totals[2]) if totals[2] else None,
        "changed_words": float(np.mean(words)) if words else None,
        "rewrites": sum(one.suggestions for one in members),
        "changed_fixed": sum(one.changed_fixed for one in members),
    }
