"""`safelight quality`: golden cases, samples of delivered videos, and how far reviewers agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.cases.inputs import FiguresQuery, parse_day
from safelight.core.dates import format_day
from safelight.core.envelopes import list_object
from safelight.core.i18n import Messages

from .language import category_name, detector_name, modality_name, texts
from .operations import Result, command
from .output import printable

if TYPE_CHECKING:
    from safelight.accounts import Principal
    from safelight.app.container import Container
    from safelight.cases.quality import Golden
    from safelight.cases.quality.figures import QualityFigures
    from safelight.policy.documents import Policy

app = typer.Typer(no_args_is_help=True)


@command(app)
def add(
    container: Container,
    video: Annotated[str, typer.Argument(help="The video that becomes a golden case.")],
    answer: Annotated[str, typer.Argument(help="The right answer: in_policy or against_policy.")],
    note: Annotated[str, typer.Option("--note", help="Why it is right; reviewers read it afterwards.")],
    clause: Annotated[str | None, typer.Option("--clause", help="The rule that decides.")] = None,
) -> Result:
    """Make a video a golden case: reviewers answer it without knowing the right answer."""
    from safelight.cases.quality import NewGolden

    golden = container.case_reads.quality.add_golden(
        make_lead(container), NewGolden(video_id=video, answer=answer, note=note, clause=clause)
    )
    return _golden(golden)


@command(app)
def list_(container: Container) -> Result:
    """List the golden cases, newest first."""
    from safelight.cases.quality.models import golden_object

    found = container.case_reads.quality.list_golden(make_lead(container))
    lines = "\n".join(map(_format_golden, found))
    return Result(list_object(map(golden_object, found)), lines or _texts()("none"))


@command(app)
def retire(
    container: Container,
    golden: Annotated[str, typer.Argument(help="The golden case's id.")],
) -> Result:
    """Stop giving a golden case to reviewers."""
    retired = container.case_reads.quality.retire_golden(make_lead(container), golden)
    return _golden(retired)


@command(app)
def sample(
    container: Container,
    since: Annotated[str, typer.Option("--since", help="The first day, such as 2026-11-01 (UTC).")],
    until: Annotated[str, typer.Option("--until", help="The day after the last one; not in the future.")],
    per_stratum: Annotated[
        int, typer.Option("--per-stratum", help="Videos to draw from each stratum; 300 or more for a rate.")
    ] = 300,
) -> Result:
    """Draw a random sample of delivered videos, and open a quality review for each."""
    from safelight.cases.quality import NewDraw
    from safelight.cases.quality.review_quality import prevalence_figures

    new = NewDraw(since=parse_day(since, "since"), until=parse_day(until, "until"), per_stratum=per_stratum)
    drawn = prevalence_figures(container.case_reads.quality.draw(make_lead(container), new))
    return Result(drawn, _format_draw(drawn))


@command(app)
def prevalence(container: Container) -> Result:
    """Show how many delivered videos of each sample are against the policy, with intervals."""
    from safelight.cases.quality.review_quality import prevalence_figures

    draws = container.case_reads.quality_results.list_draws(make_lead(container))
    figures = [prevalence_figures(draw) for draw in draws]
    lines = "\n".join(map(_format_draw, figures))
    return Result(list_object(figures), lines or _texts()("no_samples"))


@command(app)
def agreement(container: Container) -> Result:
    """Show how far reviewers agree with golden cases, with each other, and with the checks."""
    from safelight.cases.quality.review_quality import team_figures

    answers = container.case_reads.quality_results.team_answers(make_lead(container))
    figures, t = team_figures(answers), _texts()
    lines = [t("few_people", n=figures["min_people"])]
    if figures["enough_people"]:
        names = ("golden", "second", "machine")
        lines = [_format_agreement(name, figures[name]) for name in names]
    if figures["alpha"] is not None:
        lines.append(t("alpha", alpha=figures["alpha"]))
    return Result(figures, lines)


@command(app)
def figures(container: Container, asked: FiguresQuery) -> Result:
    """Show what the checks stop rightly and miss, and propose points, from what people decided."""
    found = container.case_reads.check_figures.figures(make_lead(container), asked)
    return Result(found, _format_figures(found))


@command(app)
def suggestions(
    container: Container,
    replay: Annotated[
        bool, typer.Option("--replay", help="Also evaluate all stored results with each draft.")
    ] = False,
) -> Result:
    """Name the rules that are wrong too often, each with the draft of a policy that changes it."""
    from safelight.cases.quality.rule_suggestions import draft_for, suggest_rules

    lead, tenant = make_lead(container), container.persistence.tenant
    current = container.persistence.active_policy(tenant)
    counts = container.persistence.policies.unchanged_rules(tenant, current).has
    found = suggest_rules(
        container.correspondence.appeals.overturn_rates(lead, counts=counts),
        container.case_reads.quality_results.rule_answers(lead, counts=counts),
    )
    rows = []
    for one in found:
        draft = draft_for(one, current, container.core.taxonomy)
        row = {**one.as_json(), "draft": draft}
        if draft is not None:
            row |= _compare(container, current, draft, replay=replay)
        rows.append(row)
    lines = [line for row in rows for line in _format_suggestion(row)]
    return Result({"suggestions": rows}, "\n".join(lines) or _texts()("no_suggestions"))


def _compare(container: Container, current: Policy, draft: str, *, replay: bool) -> dict[str, Any]:
    """How a draft differs from the policy in force, and with `replay` how the verdicts change."""
    from safelight.accounts.policies import read_history
    from safelight.policy.diff import diff
    from safelight.policy.documents import load
    from safelight.policy.replay import replay as run

    with TemporaryDirectory() as folder:
        file = Path(folder) / "draft.yaml"
        file.write_text(draft, encoding="utf-8")
        candidate = load(file, container.core.taxonomy)
    compared: dict[str, Any] = {"diff": diff(current, candidate).as_json()}
    if replay:
        tenant = container.persistence.tenant
        waivers = [waiver.terms for waiver in container.persistence.waivers_in_force(tenant)]
        history = read_history(container.persistence.database, waivers=waivers, tenant=tenant)
        compared["replay"] = run(candidate, container.core.taxonomy, history).as_json()
    return compared


def _format_figures(found: QualityFigures) -> Iterator[str]:
    from safelight.cases.quality.figure_texts import describe_proposal, describe_rate

    t = _texts()
    yield t("figures.decided", stopped=found.stopped, allowed=found.allowed)
    yield t("figures.left_out", own=found.own, gaps=found.without_finding)
    for one in found.categories:
        counts = {source: getattr(one.missed, source) for source in ("sample", "report", "golden", "review")}
        yield t(
            "figures.category",
            name=category_name(one.category) if one.category else t("figures.unnamed"),
            right=one.right.count,
            n=one.right.n,
            rate=describe_rate(one.right, t),
            appealed=one.appealed,
        )
        yield "  " + t("figures.missed", n=sum(counts.values()), found=describe_rate(one.found, t), **counts)
    for point in found.points:
        name = t(
            "figures.score",
            category=category_name(point.category),
            modality=modality_name(point.modality),
            detector=detector_name(point.detector),
        )
        yield describe_proposal(point, name, t)


def _format_suggestion(row: dict[str, Any]) -> list[str]:
    t = _texts()
    low, high = map(_percent, row["interval_95"])
    key = "suggestion" if row["draft"] is not None else "suggestion_locked"
    lines = [
        t(
            key,
            rule=row["rule"],
            wrong=row["wrong"],
            of=row["of"],
            rate=_percent(row["rate"]),
            low=low,
            high=high,
            source=t(f"source.{row['source']}"),
            direction=t(f"direction.{row['direction']}"),
        )
    ]
    if "replay" in row:
        lines.append(t("replayed", changed=row["replay"]["changed"], n=row["replay"]["videos"]))
    return lines


def _texts() -> Messages:
    return texts("quality")


def make_lead(container: Container) -> Principal:
    from safelight.accounts import OPERATOR, KeyScope, Principal, PrincipalKind

    return Principal(
        tenant=container.persistence.tenant,
        id=OPERATOR,
        kind=PrincipalKind.PERSON,
        name=OPERATOR,
        scopes=frozenset({KeyScope.POLICY, KeyScope.REVIEW}),
    )


def _golden(golden: Golden) -> Result:
    from safelight.cases.quality.models import golden_object

    return Result(golden_object(golden), _format_golden(golden))


def _format_golden(golden: Golden) -> str:
    t = _texts()
    line = t(
        "golden",
        id=golden.id,
        video=golden.video_id,
        answer=t(f"answer.{golden.answer}"),
        note=printable(golden.note),
    )
    return t("retired", golden=line) if golden.retired_at is not None else line


def _format_draw(figures: dict[str, Any]) -> str:
    t = _texts()
    lines = [t("sample", since=format_day(figures["since"]), until=format_day(figures["until"]))]
    for row in figures["strata"]:
        counts = {name: row[name] for name in ("delivered", "drawn", "answered")}
        line = t("stratum", name=t(f"strata.{row['stratum']}"), **counts)
        if row["enough"]:
            low, high = row["interval"]
            values = {"rate": _percent(row["rate"]), "low": _percent(low), "high": _percent(high)}
            found = t("rate", found=row["found"], needed=row["needed"], **values)
        else:
            found = t("few_answers", n=figures["min_answers"])
        lines.append(f"  {line} {found}")
    return "\n".join(lines)


def _format_agreement(name: str, figure: dict[str, Any]) -> str:
    t = _texts()
    values = {"name": t(f"compared.{name}"), "same": figure["same"], "n": figure["n"]}
    if not figure["enough"]:
        return t("few_cases", **values)
    low, high = map(_percent, figure["interval"])
    line = t("same", rate=_percent(figure["rate"]), low=low, high=high, **values)
    return f"{line} kappa {figure['kappa']}" if figure.get("kappa") is not None else line


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"
