"""What is written beside trained heads: operating points, and a card that says what they are worth."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from .examples import Example
from .heads import Heads


def operating(heads_sha256: str, points: Mapping[str, Mapping[str, float]], chosen_on: Sequence[str]) -> str:
    """The file of operating points that `heads.load` reads beside these heads."""
    document = {"heads": heads_sha256, "chosen_on": list(chosen_on), "points": points}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def card(
    loaded: Heads,
    *,
    size: int,
    data_sha256: str,
    own: Sequence[Example],
    more: Sequence[Example],
    unseen: Sequence[Example],
    figures: Mapping[str, Mapping[str, int]],
) -> str:
    """The model card, as Markdown."""
    rows = "\n".join(f"| {name} | {row['n']} | {row['found']} |" for name, row in figures.items())
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
        rows=rows,
    )


def _counts(examples: Sequence[Example]) -> str:
    return ", ".join(f"{name} ({n})" for name, n in sorted(Counter(one.source for one in examples).items()))


_TEMPLATE = """# Heads for prompts: model card

`heads.npz`, {size} kB: one line per category over 32,768 hashed n-grams (int8), one line and two small
networks of 96 units over MiniLM's 384 numbers (float16), a slope per category and kind of score. Written
by `safelight train`.

| | |
| --- | --- |
| Categories | {categories} |
| Languages | English; Chinese, both scripts, by n-grams only |
| Input | a folded text: windows of 480 characters for n-grams, sentences of at most 126 tokens for MiniLM |
| sha256 of the heads | `{sha256}` |
| sha256 of the committed examples | `{data_sha256}` |

**For** a first look at prompts for video, beside word lists, names and a policy. **Not for** deciding
about people, for chat, or for any category on its own: a finding is one sign among others. There is no
head for sexual/minors: that category is a strict conjunction of lists, and no example of it exists in any
data here.

## Data

{total} committed prompts, written for this project: {english} English and {chinese} Chinese; {harmful}
harmful, the others harmless, many of them near a harmful subject. Nothing in them is graphic. By file:
{files}.

{more}Split by the hash of the family, so that a prompt and its harmless twin stay together: 74 % to fit,
14 % for slopes and operating points, 12 % kept out of everything for the figures below. Every fitted
example is used twice: as it is, and beside a harmless one.

## Calibration and operating points

Slopes by Platt's method on the second part. 0.5 is the operating point of a category: the lowest score at
which few enough harmless prompts are found in any category, of our own second part and of sources that
nothing was fitted to: {unseen}. So 0.5 is a promise about false alarms, not about how often a category
occurs.

| kept out | n | found at 0.5 or more |
| --- | --- | --- |
{rows}

Figures on prompts of other sources: docs/benchmarks/prompts.md.

## Known faults

Short prompts of one or two words carry little and can be wrong in either direction. Negation is not
understood ("no blood"). Who does what to whom is understood only as far as examples show it. Quotes and
reports of hate look like hate.
"""
