"""The report of a red team as Markdown. It shows no text of an attack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safelight_lab.evaluation.suite.page import Section, format_markdown


def markdown(report: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    return format_markdown(_sections(report))


def format_rate(found: Mapping[str, Any]) -> str:
    """Such as `3 of 40: 7.5 % (2.6 to 19.9)`."""
    if not found["n"]:
        return "none"
    low, high = (f"{100 * end:.1f}" for end in found["interval"])
    return f"{found['k']} of {found['n']}: {100 * found['k'] / found['n']:.1f} % ({low} to {high})"


def describe_target(report: Mapping[str, Any]) -> str:
    policy = report["policy"]
    return f"policy {policy['name']}" if policy else f"the server {report['server']}"


def _sections(report: Mapping[str, Any]) -> Iterator[Section]:
    columns = [one for one in report["columns"] if one["state"] == "measured"]
    missing = [f"{one['name']}: {one['state']}" for one in report["columns"] if one["state"] != "measured"]
    left_out = report["seeds"]["left_out"]
    text = [
        f"Target: {describe_target(report)}, {report['date'][:10]}, Safelight {report['safelight']}, "
        f"seed {report['seed']}, {report['queries']} queries.",
        "An attack is a disguised text whose plain form the screener stops. In brackets: the 95 % interval.",
        f"{left_out} texts were left out as sexual content about minors." if left_out else "",
        f"{report['unfinished']} texts were not checked by each detector." if report["unfinished"] else "",
        f"Missing: {'; '.join(missing)}." if missing else "",
    ]
    rows = [
        [f"attacks that pass, round {one['name']}", *(format_rate(c["rounds"][one["name"]]) for c in columns)]
        for one in report["rounds"]
    ]
    if report["harmless"] is not None:
        rows.append(["harmless texts that are stopped", *(format_rate(one["harmless"]) for one in columns)])
    yield Section(
        title="Red team",
        text=" ".join(filter(None, text)),
        head=["", *(one["name"] for one in columns)],
        rows=rows,
    )
    for one in report["rounds"]:
        yield Section(
            title=f"Round {one['name']}",
            text="Families, the worst first.",
            head=["family", "language", "attacks", "passed"],
            rows=[
                *(
                    [row["family"], "all", str(row["bypassed"]["n"]), format_rate(row["bypassed"])]
                    for row in one["families"]
                ),
                *(
                    [row["family"], row["language"], str(row["bypassed"]["n"]), format_rate(row["bypassed"])]
                    for row in one["families_by_language"]
                ),
                *(
                    ["all", row["language"], str(row["bypassed"]["n"]), format_rate(row["bypassed"])]
                    for row in one["languages"]
                ),
            ],
        )
        yield Section(
            title=f"Disguises of round {one['name']}",
            text="The worst first.",
            head=["disguise", "family", "passed"],
            rows=[[row["disguise"], row["family"], format_rate(row["bypassed"])] for row in one["disguises"]],
        )
    if report["harmless"] is not None:
        yield Section(
            title="Harmless texts",
            text="Odd-looking harmless texts that are stopped, the worst family first.",
            head=["family", "stopped"],
            rows=[[row["family"], format_rate(row["stopped"])] for row in report["harmless"]["families"]],
        )
    if report["search"] is not None:
        yield _search(report["search"])


def _search(found: Mapping[str, Any]) -> Section:
    median = "no seed was bypassed" if found["median"] is None else f"{found['median']:g} queries"
    families = ", ".join(f"{name} {count}" for name, count in found["families"].items())
    return Section(
        title="Search",
        text=f"Up to {found['budget']} variants of each of {found['seeds']} seeds: single disguises in "
        f"random order, then pairs. Median up to the first bypass, of those that were bypassed: {median}. "
        + (f"What passed first: {families}." if families else ""),
        head=["", "bypassed"],
        rows=[
            *([f"within {one['queries']} queries", format_rate(one)] for one in found["within"]),
            *([f"language {one['language']}", format_rate(one)] for one in found["languages"]),
        ],
    )
