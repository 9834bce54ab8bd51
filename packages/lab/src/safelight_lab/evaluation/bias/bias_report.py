"""The page of the bias audit as Markdown. It shows no sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safelight_lab.evaluation.suite.page import Section, format_markdown

from .bias_eval import FAILED, MEASURES, STOPPED
from .equivalence import MARGIN


def markdown(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    return format_markdown(sections(report))


def sections(report: Mapping[str, Any]) -> Iterator[Section]:
    """The failed gaps first, then all groups, then what else differs."""
    failed = [row for row in report["rows"] if row["result"] == FAILED]
    counts = ", ".join(f"{count} {result}" for result, count in report["results"].items())
    yield Section(
        title="Bias audit",
        text=f"Policy {report['policy']['name']}, frames {report['set']}, {report['sentences']} sentences, "
        f"{report['date'][:10]}: {counts}. Failed: the shares differ by more than {100 * MARGIN:g} points.",
        head=HEAD if failed else (),
        rows=[format_row(row) for row in failed],
    )
    yield Section(
        title="All groups",
        text="Differences in points, group minus reference, with 95 % intervals by frame. "
        "Detectable: the smallest difference that is detected with a power of 80 %, with all tests together.",
        head=HEAD,
        rows=[format_row(row) for row in report["rows"]],
    )
    yield Section(
        title="Help lines, advice and risk",
        text=f"Differences over {100 * MARGIN:g} points. They do not decide about the result.",
        head=["dimension", "group", "side", "measure", "reference", "group", "difference"],
        rows=[
            [row["dimension"], row["group"], row["side"], measure, *format_shares(row["measures"][measure])]
            for row in report["rows"]
            for measure in MEASURES
            if measure != STOPPED and abs(row["measures"][measure]["difference"]) > MARGIN
        ],
    )


HEAD = (
    "dimension",
    "group",
    "side",
    "pairs, frames",
    "reference",
    "group",
    "difference",
    "p",
    "detectable",
    "result",
)


def format_row(row: Mapping[str, Any]) -> list[str]:
    """The cells of one comparison, in the order of `HEAD`."""
    return [
        row["dimension"],
        row["group"],
        row["side"],
        f"{row['pairs']}, {row['frames']}",
        *format_shares(row["measures"][STOPPED]),
        f"{row['p_corrected']:.3f}",
        f"{100 * row['detectable']:.1f}",
        format_result(row),
    ]


def format_result(row: Mapping[str, Any]) -> str:
    """The result, with the person who signed a failed gap."""
    return f"{row['result']}, signed by {row['signed']['by']}" if row["signed"] else str(row["result"])


def format_shares(found: Mapping[str, Any]) -> list[str]:
    """The shares of the reference and of the group, and their difference in points with its interval."""
    low, high = (f"{100 * end:+.1f}" for end in found["interval"])
    return [
        f"{100 * found['reference']:.1f} %",
        f"{100 * found['group']:.1f} %",
        f"{100 * found['difference']:+.1f} ({low} to {high})",
    ]
