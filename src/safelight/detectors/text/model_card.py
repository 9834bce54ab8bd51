"""Writes the model card and the operating points of trained classifiers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .classifiers import CategoryClassifiers
from .training import BUDGETS, OWN_BUDGETS, Figures
from .training_data import Example

Table: TypeAlias = Mapping[str, Mapping[str, float]]


def render_operating_points(
    weights_sha256: str, chosen: Mapping[str, Table], chosen_on: Sequence[str]
) -> str:
    """The file with slopes and operating points that `classifiers.load` reads together with these weights."""
    document = {"classifiers": weights_sha256, "chosen_on": list(chosen_on), **chosen}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


@dataclass(frozen=True, kw_only=True)
class TrainingReport:
    """The facts about one training run that the model card reports."""

    #: Size of the weights file.
    weights_bytes: int
    data_sha256: str
    committed: Sequence[Example]
    extra: Sequence[Example]
    #: Number of harmless prompts on which the operating points were chosen.
    unseen: Sequence[Example]
    #: Counts for each source, found by classifiers that were trained without this source.
    across_sources: Figures
    #: Counts for the examples that are never used for training.
    held_out: Figures


def render_card(classifiers: CategoryClassifiers, report: TrainingReport) -> str:
    """The model card, as Markdown."""
    committed = report.committed
    return _TEMPLATE.format(
        size=round(report.weights_bytes / 1000),
        categories=", ".join(classifiers.categories),
        sha256=classifiers.sha256,
        data_sha256=report.data_sha256,
        total=len(committed),
        english=sum(not one.chinese for one in committed),
        chinese=sum(one.chinese for one in committed),
        harmful=sum(bool(one.categories) for one in committed),
        files=_counts(committed),
        more=f"Also used in training, not part of this repository: {_counts(report.extra)}.\n\n"
        if report.extra
        else "",
        unseen=_counts(report.unseen) if report.unseen else "only our own held-out part",
        budgets=", ".join(f"{100 * budget:g} % ({mode.name})" for mode, budget in BUDGETS.items()),
        own_budgets=", ".join(f"{100 * budget:g} %" for budget in OWN_BUDGETS.values()),
        across=_rows(report.across_sources),
        kept_out=_rows(report.held_out),
    )


def _rows(figures: Figures) -> str:
    return "\n".join(
        f"| {name} | {row['n']} | {row['found']} | {100 * row['found'] / row['n']:.1f} |"
        for name, row in figures.items()
    )


def _counts(examples: Sequence[Example]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in sorted(Counter(one.source for one in examples).items()))


_TEMPLATE = """# Prompt classifiers: model card

`classifiers.npz`, {size} kB: one linear classifier per category over 32,768 hashed n-grams, for English, for
Chinese and for use with an embedding (int8); MiniLM's embedding of every English example, quantized to 127
steps each way (int8), and how much similarity to it raises or lowers each category's score (float16). Written
by `safelight train`.

| | |
| --- | --- |
| Categories | {categories} |
| Languages | English; Chinese, both scripts, by n-grams only |
| Input | a folded text: windows of 480 characters for n-grams, sentences of at most 126 tokens for MiniLM |
| sha256 of the weights, over the numbers | `{sha256}` |
| sha256 of the committed examples | `{data_sha256}` |

**Intended use**: a first screening of prompts for video, together with word lists, names and a policy. **Not
intended** for decisions about people, for chat, or for any category on its own: a finding is one signal among
others. No classifier covers sexual/minors: word lists detect that category, which needs a sexual signal
together with a sign of a minor, and no data here contains an example of it.

## Data

{total} committed prompts, written for this project: {english} English and {chinese} Chinese; {harmful}
harmful, the others harmless, many of them close to a harmful subject. None is graphic. By file, one author
each: {files}.

{more}Split by the hash of the family, so that a prompt and its harmless variant stay together: 88 % for
training, 12 % held out.

## Method

Kernel ridge regression in closed form, so the same examples give the same numbers. The embeddings come from
the int8 graph, whose last digit may differ between kinds of CPU. They are part of the file, and
`safelight train --check` trains again from them without other data. Slopes and operating points are in a
separate file, `operating.json`.

## Slopes and operating points

Slopes are fitted by Platt's method on scores of classifiers that were not trained on text of the same author.
0.5 is the operating point of a category: the lowest score at which the share of harmless prompts found in any
category stays within two budgets. The first is for sources outside the training data ({unseen}; budgets
{budgets}). The second is for our own harmless prompts, scored by classifiers that were not trained on text of
the same author (budgets {own_budgets}). So 0.5 limits false alarms; it does not state how frequent a category
is.

The figures are for these classifiers alone, without lists and names. Each author's prompts are scored by
classifiers trained on the other authors, at operating points chosen for those classifiers. The kind of
classifier and its few parameters were selected on these figures, so they are somewhat optimistic:

| author | n | found at 0.5 or more | % |
| --- | --- | --- | --- |
{across}

The held-out part, scored by the shipped classifiers:

| held out | n | found at 0.5 or more | % |
| --- | --- | --- | --- |
{kept_out}

Figures of all detectors on prompts of other sources: docs/benchmarks/prompts.md.

## Known limitations

Short prompts of one or two words carry little information, and errors go in both directions. The classifiers
do not understand negation ("no blood"). They learned who does what to whom only from the examples. Quotations
and reports of hate resemble hate.
"""
