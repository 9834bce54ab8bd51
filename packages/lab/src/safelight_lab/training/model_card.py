"""Writes the model card of trained classifiers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from safelight.detectors.text.classifiers import VOICES, CategoryPoint, ClassifierSet
from safelight.detectors.text.languages import LENGTHS, Language

from .calibration import BUDGETS, CLOSE_BUDGET, MIN_RECALL, MIN_SAMPLE, ScoredText
from .training_data import Example, hash_committed
from .training_run import TrainedClassifiers

#: Number of texts, number with a finding, and number with a finding of the right category.
Counts: TypeAlias = tuple[int, int, int]

#: Licences of the public sources of `--extra` examples that the shipped classifiers are fitted to.
_LICENCES = {
    "coco_captions": "CC BY 4.0",
    "cold_zh_train": "Apache-2.0 (COLDataset, training split)",
    "hatecheck": "CC BY 4.0",
    "mhc_mandarin": "CC BY 4.0 (Multilingual HateCheck)",
    "openai_moderation": "MIT",
    "vbench": "Apache-2.0",
    "vbench_long": "Apache-2.0",
    "vbench_zh": "Apache-2.0",
}


def count_report(trained: TrainedClassifiers) -> dict[str, dict[str, Counts]]:
    """What each model finds at its points in the examples that were kept for the report, by source."""
    classifiers = ClassifierSet(trained.weights, trained.operating)
    found: dict[str, dict[str, Counts]] = {}
    for name, texts in trained.report.items():
        categories = classifiers.model(name).categories
        points = classifiers.points(name)
        rows: dict[str, list[Counts]] = defaultdict(list)
        for one in texts:
            hits = _hits(one, categories, points.get((one.language, one.length), {}))
            group = f"{one.example.source.split('/')[0]}, {_kind(one)}"
            rows[group].append((1, bool(hits), bool(hits & one.example.categories)))
        found[name] = {group: _sum(counts) for group, counts in sorted(rows.items())}
    return found


def render_card(trained: TrainedClassifiers) -> str:
    """The model card, as Markdown."""
    classifiers = ClassifierSet(trained.weights, trained.operating)
    examples = trained.examples
    written = [one for one in examples if one.kind != "generated" and one.source not in _LICENCES]
    public = Counter(one.source for one in examples if one.source in _LICENCES)
    generated = Counter(one.source.split("/")[0] for one in examples if one.kind == "generated")
    return _TEMPLATE.format(
        size=round(len(trained.weights) / 1000),
        categories=", ".join(sorted(classifiers.model("english").categories)),
        sha256=classifiers.sha256,
        data_sha256=hash_committed(),
        written=_written(written),
        public="\n".join(
            f"| {name} | {count} | {_LICENCES[name]} |" for name, count in sorted(public.items())
        ),
        generated=", ".join(f"{name} ({count})" for name, count in sorted(generated.items())),
        fitted=", ".join(f"{name} {count}" for name, count in trained.fitted.items()),
        budgets=", ".join(f"{name} {100 * budget:g} %" for name, budget in BUDGETS.items()),
        close=f"{100 * CLOSE_BUDGET:g} %",
        least=MIN_SAMPLE,
        recall=f"{100 * MIN_RECALL:g} %",
        points="\n\n".join(_points(name, trained.operating.points[name]) for name in VOICES),
        report="\n".join(
            f"| {name} | {group} | {n} | {hits} | {100 * hits / n:.1f} | "
            f"{right if group.endswith('harmful') else ''} |"
            for name, groups in count_report(trained).items()
            for group, (n, hits, right) in groups.items()
        ),
    )


def _hits(text: ScoredText, categories: Iterable[str], points: Mapping[str, CategoryPoint]) -> set[str]:
    return {
        category
        for column, category in enumerate(categories)
        if category in points and text.odds[column] >= points[category].threshold
    }


def _kind(text: ScoredText) -> str:
    if text.example.categories:
        return "harmful"
    return "harmless, close to a harmful one" if text.close else "harmless"


def _sum(counts: Iterable[Counts]) -> Counts:
    total = [0, 0, 0]
    for row in counts:
        total = [one + other for one, other in zip(total, row, strict=True)]
    return total[0], total[1], total[2]


def _written(examples: Iterable[Example]) -> str:
    rows = Counter((one.source, bool(one.categories)) for one in examples)
    return "\n".join(
        f"| {source} | {rows[source, True]} | {rows[source, False]} |"
        for source in sorted({source for source, _harmful in rows})
    )


def _points(name: str, points: Iterable[CategoryPoint]) -> str:
    """A table of the false-alarm rates: a row for each category, a column for each length, by language."""
    by_cell = {(one.category, one.point.language, one.point.length): one.point for one in points}
    lines = []
    for language in Language:
        here = sorted({category for category, lang, _length in by_cell if lang == language})
        if not here:
            continue
        lines += [f"`{name}`, {language}:", "", f"| category | {' | '.join(LENGTHS)} |", "| --- " * 6 + "|"]
        for category in here:
            cells = [by_cell.get((category, language, length)) for length in LENGTHS]
            shown = [
                "none" if one is None else f"{100 * one.false_alarm_rate:.2f} ({100 * one.high:.2f})"
                for one in cells
            ]
            lines.append(f"| {category} | {' | '.join(shown)} |")
        sizes = [
            str(max((one.sample for key, one in by_cell.items() if key[1:] == (language, length)), default=0))
            for length in LENGTHS
        ]
        lines += [f"| harmless texts | {' | '.join(sizes)} |", ""]
    return "\n".join(lines).strip()


_TEMPLATE = """# Prompt classifiers: model card

`classifiers.npz`, {size} kB, contains four multinomial logistic models, each with one class for harmless
text:

| model | voice | reads | fitted to |
| --- | --- | --- | --- |
| `english` | english | MiniLM's embedding, and words and pairs of words | all English examples |
| `english-words` | english | words and pairs of words; no MiniLM | the same |
| `zh-words` | zh-words | words and pairs of words, two and three characters | all Chinese examples |
| `zh-glosses` | zh-glosses | the embedding and words of English glosses | English; Chinese without cold_zh |

Glosses are the first definitions of the words in CC-CEDICT.

| | |
| --- | --- |
| Categories | {categories} |
| Languages | English; Chinese in both scripts |
| sha256 of the file | `{sha256}` |
| sha256 of the committed examples | `{data_sha256}` |

**Intended use**: a first screening of prompts for video, together with word lists, names and a policy. A
finding of one voice holds a prompt at most; a block needs a second voice or other evidence. **Not intended**
for decisions about people, for chat, for other languages, or for any category on its own. No classifier
covers sexual/minors: word lists detect that category, which needs a sexual term together with a sign of a
minor, and no data here contains an example of it. People in distress are found by the detector `distress`;
the class `self-harm/intent` is only there to tell them from `self-harm`, and is never reported.

## Data

Written for this project and committed:

| file | harmful | harmless |
| --- | --- | --- |
{written}

Public sets, not part of this repository:

| set | texts | licence |
| --- | --- | --- |
{public}

Generated harmless texts, from frames and frequency lists (`wordfreq`, Apache-2.0): {generated}. `joined`
texts consist of several of the others.

12 % of the families are kept for the report: a prompt and its harmless variants are one family, as are all
texts of one frame. The others are fitted ({fitted} texts).

## Operating points

A point is chosen for each category, language and length in words (Chinese words as `rjieba` cuts them). Each
harmless text is scored by a model that was fitted without its fold: the families are divided into five folds,
and the captions of one source are all in one. The threshold is the `k`-th highest of `n` scores, so a further
text of the same mixture reaches it with a probability of about `k / (n + 1)` (cross-conformal prediction;
without exchangeability, for example for another kind of text, there is no guarantee). Budgets for one
category: {budgets}; 2.5 times that for violence. In addition at most {close} of the harmless texts that were
written close to a harmful one may reach it. Texts in which word lists find the category do not count. With
fewer than {least} harmless texts there is no point, nor if fewer than {recall} of the harmful texts of the
category reach it. Where no category has a point, the detector abstains.

Log-odds are shifted so that the score at the point is 0.5. False alarms in per cent, and the upper end of the
95 % interval:

{points}

## Examples kept for the report

By the models alone, at their points. Fitted and kept texts of hatecheck and mhc_mandarin share their
templates, so these figures prove little.

| model | texts | n | found | % | in the right category |
| --- | --- | --- | --- | --- | --- |
{report}

Figures of all detectors on prompts of other sources: docs/benchmarks/prompts.md.

## Known limitations

Single words and phrases carry little information, and most of them are never found. The classifiers do not
understand negation ("no blood") beyond their examples. They learned who does what to whom only from the
examples. Quotations and reports of hate resemble hate. A gloss is a word-for-word translation by the first
definition of each word.
"""
