"""What is written beside trained heads: operating points, and a card that says what they are worth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from .classifiers import ClassifierHeads
from .training import BUDGETS, OWN_BUDGETS
from .training_data import Example

Table: TypeAlias = Mapping[str, Mapping[str, float]]


def operating(heads_sha256: str, chosen: Mapping[str, Table], chosen_on: Sequence[str]) -> str:
    """The file of slopes and operating points that `heads.load` reads beside these heads."""
    document = {"heads": heads_sha256, "chosen_on": list(chosen_on), **chosen}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def card(
    loaded: ClassifierHeads,
    *,
    size: int,
    data_sha256: str,
    own: Sequence[Example],
    more: Sequence[Example],
    unseen: Sequence[Example],
    across: Mapping[str, Mapping[str, int]],
    kept_out: Mapping[str, Mapping[str, int]],
) -> str:
    """The model card, as Markdown."""
    return _TEMPLATE.format(
        size=round(size / 1000),
        categories=", ".join(loaded.categories),
        sha256=loaded.sha256,
        data_sha256=data_sha256,
        total=len(own),
        english=sum(not one.chinese for one in own),
        chinese=sum(one.chinese for one in own),
        harmful=sum(bool(one.categories) for one in own),
        files=_counts(own),
        more=f"Also fitted, not part of this repository: {_counts(more)}.\n\n" if more else "",
        unseen=_counts(unseen) if unseen else "none but our own second part",
        budgets=", ".join(f"{100 * budget:g} % ({mode.name})" for mode, budget in BUDGETS.items()),
        own_budgets=", ".join(f"{100 * budget:g} %" for budget in OWN_BUDGETS.values()),
        across=_rows(across),
        kept_out=_rows(kept_out),
    )


def _rows(figures: Mapping[str, Mapping[str, int]]) -> str:
    return "\n".join(
        f"| {name} | {row['n']} | {row['found']} | {100 * row['found'] / row['n']:.1f} |"
        for name, row in figures.items()
    )


def _counts(examples: Sequence[Example]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in sorted(Counter(one.source for one in examples).items()))


_TEMPLATE = """# Heads for prompts: model card

`heads.npz`, {size} kB: one line per category over 32,768 hashed n-grams, for English, for Chinese and for
use beside an embedding (int8); MiniLM's embedding of every English example in 127 steps (int8), and how far
likeness to it pulls each category up or down (float16). Written by `safelight train`.

| | |
| --- | --- |
| Categories | {categories} |
| Languages | English; Chinese, both scripts, by n-grams only |
| Input | a folded text: windows of 480 characters for n-grams, sentences of at most 126 tokens for MiniLM |
| sha256 of the heads, over the numbers | `{sha256}` |
| sha256 of the committed examples | `{data_sha256}` |

**For** a first look at prompts for video, beside word lists, names and a policy. **Not for** deciding about
people, for chat, or for any category on its own: a finding is one sign among others. There is no head for
sexual/minors: that category is a strict conjunction of lists, and no example of it exists in any data here.

## Data

{total} committed prompts, written for this project: {english} English and {chinese} Chinese; {harmful}
harmful, the others harmless, many of them near a harmful subject. Nothing in them is graphic. By file, one
writer each: {files}.

{more}Split by the hash of the family, so that a prompt and its harmless twin stay together: 88 % to fit, 12
% kept out of everything.

## How

Kernel ridge regression in closed form, so that the same examples give the same numbers. The embeddings come
from the int8 graph, whose last digit may differ between kinds of CPU; they are part of the file, and
`safelight train --check` fits again from them. It needs no other data: slopes and operating points are
apart, in `operating.json`.

## Slopes and operating points

Slopes by Platt's method on scores of examples by heads that saw nothing of the same writer. 0.5 is the
operating point of a category: the lowest score at which few enough harmless prompts are found in any
category, of sources that nothing was fitted to ({unseen}; budgets {budgets}), and of our own harmless
prompts by heads that saw nothing of the same writer (budgets {own_budgets}). So 0.5 is a promise about
false alarms, not about how often a category occurs.

These heads alone, without lists and names. Each writer's prompts, by heads fitted to the others' only, at
operating points chosen for those heads. Kinds of heads and their few numbers were compared on these, so
they flatter somewhat:

| writer | n | found at 0.5 or more | % |
| --- | --- | --- | --- |
{across}

The part kept out, by the heads as shipped:

| kept out | n | found at 0.5 or more | % |
| --- | --- | --- | --- |
{kept_out}

Figures of all detectors on prompts of other sources: docs/benchmarks/prompts.md.

## Known faults

Short prompts of one or two words carry little and can be wrong in either direction. Negation is not
understood ("no blood"). Who does what to whom is understood only as far as examples show it. Quotes and
reports of hate look like hate.
"""
