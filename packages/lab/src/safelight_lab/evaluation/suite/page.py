"""The page of a suite, as Markdown and as HTML without scripts. It shows no prompt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from safelight_lab.evaluation.reports import STYLE

from .clip_sample import table
from .figures import POLICY
from .manifests import CHOOSE, FIT, REPORT

_NAMES = {"unsafe": "harmful", "safe": "harmless", "distress": "in distress"}


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading, what the figures mean, and a table."""

    title: str
    text: str
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def sections(report: Mapping[str, Any]) -> Iterator[Section]:
    """The page: the answer first, then where it is worse, then what it is based on."""
    columns = [one["name"] for one in report["columns"] if one["state"] == "measured"]
    missing = [f"{one['name']}: {one['state']}" for one in report["columns"] if one["state"] != "measured"]
    totals = [one for one in report["totals"] if one["name"] == REPORT]
    unfinished = (
        [f"{report['unfinished']} texts were not checked by each detector: one failed or was late."]
        if report["unfinished"]
        else []
    )
    yield Section(
        title="Evaluation",
        text=" ".join(
            [
                f"Policy {report['policy']['name']}, model {report['model_hash'][:16]}, "
                f"{report['date'][:10]}.",
                *(
                    f"Of {one['n']} {_NAMES[one['label']]} prompts, {_share(one, POLICY)} are stopped."
                    for one in totals
                ),
                "Stopped means held or blocked. In brackets: the 95 % interval. Waivers are not applied.",
                *unfinished,
            ]
        ),
    )
    yield Section(
        title="Harm beside harmless, at one setting",
        text="Sets with the purpose report: nobody chose rules or thresholds by them. "
        + ("Columns that are missing: " + "; ".join(missing) + "." if missing else ""),
        head=["set", "prompts", "n", *columns],
        rows=[*_set_rows(report, REPORT, columns), *([_total(one, columns) for one in totals])],
    )
    yield from _worst(report, columns)
    if clips := report.get("clips"):
        yield _clip_section(clips)
    for found in [*report["differences"], *(clips["differences"] if clips else ())]:
        yield Section(
            title=f"Difference to {found['against']}",
            text="This policy minus the other side, in percentage points, on the same rows. "
            "p by McNemar's exact test, not corrected for the number of sets. "
            f"Rows only here: {found['only_here']}; only there: {found['only_there']}.",
            head=["set", "prompts", "n", "before", "after", "difference", "p"],
            rows=[_difference(one) for one in found["rows"]],
        )
    yield Section(
        title="Slices",
        text="Of the sets with the purpose report.",
        head=["slice", "value", "prompts", "n", POLICY],
        rows=[
            [one["slice"], one["name"], _NAMES[one["label"]], str(one["n"]), _share(one, POLICY)]
            for one in report["slices"]
        ],
    )
    if chosen := [*_set_rows(report, CHOOSE, columns)]:
        yield Section(
            title="Sets that rules were chosen by",
            text="These figures are better than on new prompts.",
            head=["set", "prompts", "n", *columns],
            rows=chosen,
        )
    yield Section(
        title="Data",
        text="A text that detectors learned from, or that rules were chosen by, is refused, or left out "
        "where the manifest says so.",
        head=["set", "purpose", "rows", "left out", "licence", "sha256"],
        rows=[
            [
                one["name"],
                one["purpose"],
                str(one["rows"]),
                str(len(one["left_out"])),
                one["licence"],
                one["sha256"][:12],
            ]
            for one in report["sets"]
            if one["purpose"] != FIT
        ],
    )


def _set_rows(report: Mapping[str, Any], purpose: str, columns: Sequence[str]) -> Iterator[list[str]]:
    chosen = {one["name"] for one in report["sets"] if one["purpose"] == purpose}
    for one in report["by_set"]:
        if one["name"] in chosen:
            label = "harmless twins" if one["twins"] else _NAMES[one["label"]]
            yield [one["name"], label, str(one["n"]), *(_share(one, name) for name in columns)]


def _total(one: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    return ["all", _NAMES[one["label"]], str(one["n"]), *(_share(one, name) for name in columns)]


def _worst(report: Mapping[str, Any], columns: Sequence[str]) -> Iterator[Section]:
    rows = []
    for label, classes in report["classes"].items():
        average = [one for one in report["totals"] if (one["name"], one["label"]) == (REPORT, label)]
        for title, one in [
            *(("average", one) for one in average),
            *(("worst" if place == 0 else "", one) for place, one in enumerate(classes[:5])),
        ]:
            name = title if title == "average" else f"{one['name']} ({title})" if title else one["name"]
            rows.append([name, _NAMES[label], str(one["n"]), *(_share(one, column) for column in columns)])
    if rows:
        yield Section(
            title="Worst class beside the average",
            text="Five classes with the fewest harmful and five with the most harmless prompts stopped. "
            "The worst of many classes looks worse than it is, since it was picked.",
            head=["class", "prompts", "n", *columns],
            rows=rows,
        )


def _clip_section(clips: Mapping[str, Any]) -> Section:
    head, *rows = table(clips)
    missing = "; ".join(f"{name}: {why}" for name, why in clips["missing"].items())
    return Section(
        title="Clips, pictures and sounds of a fixed sample",
        text="Drawn or synthesized content that the checks stop, and its harmless twin, plain and after "
        "the same attacks. The sample is small: it shows that a check works, not how much harm it finds. "
        "Stopped, of those that were checked; a character may also be labelled. "
        "Checks that no installed detector does are waived. " + (f"Missing: {missing}" if missing else ""),
        head=head,
        rows=rows,
    )


def _share(one: Mapping[str, Any], column: str) -> str:
    found = one["stopped"][column]
    low, high = found["interval"]
    return f"{100 * found['k'] / found['n']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _difference(one: Mapping[str, Any]) -> list[str]:
    low, high = one["interval"]
    points = f"{100 * one['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    p = "below .001" if one["p"] < 0.001 else f"{one['p']:.3f}"
    return [one["set"], _NAMES[one["label"]], *(str(one[key]) for key in ("n", "before", "after")), points, p]


def markdown(report: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    return format_markdown(sections(report))


def format_markdown(parts: Iterable[Section]) -> str:
    """Sections as Markdown; the first one has the title of the page."""
    written = []
    for level, one in zip(["#", *["##"] * 100], parts, strict=False):
        written.append(f"{level} {one.title}\n\n{one.text.strip()}\n")
        if one.head:
            lines = [one.head, ["---"] * len(one.head), *one.rows]
            written.append(
                "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
            )
    return "\n".join(written)


def html(report: Mapping[str, Any]) -> str:
    """The page as HTML."""
    parts = []
    for level, one in zip(["h1", *["h2"] * 100], sections(report), strict=False):
        parts.append(f"<{level}>{escape(one.title)}</{level}>\n<p>{escape(one.text.strip())}</p>")
        if one.head:
            body = "\n".join(f"<tr>{_cells('td', line)}</tr>" for line in one.rows)
            parts.append(
                f'<div class="table"><table><thead><tr>{_cells("th", one.head)}</tr></thead>'
                f"<tbody>\n{body}\n</tbody></table></div>"
            )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>\n'
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _cells(tag: str, values: Sequence[str]) -> str:
    return "".join(f"<{tag}>{escape(value)}</{tag}>" for value in values)
