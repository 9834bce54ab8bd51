"""`safelight gates`: the rollout step, its evidence, and the way down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safelight.cases.inputs import GateLowering
from safelight.core.dates import format_day
from safelight.core.errors import NotFound

from .demo import operator
from .language import language, texts
from .operations import Result, command
from .output import printable

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.cases.gates import GateReport, GateService

app = typer.Typer(no_args_is_help=True)


@command(app)
def show(container: Container) -> Result:
    """Show the rollout step, what was measured in it, and what lacks for the next step."""
    return _print(_service(container).show(operator(container)))


@command(app)
def lower(container: Container, asked: GateLowering) -> Result:
    """Lower the rollout step at once. Steps go up only in the console, where two people sign in."""
    return _print(_service(container).lower(operator(container), asked))


@command(app)
def evaluation(
    container: Container,
    file: Annotated[Path, typer.Argument(help="The results, such as the report of `safelight eval all`.")],
) -> Result:
    """Record that the detectors were evaluated today, with the SHA-256 of the results."""
    from safelight.core.fileio import sha256_file

    if not file.is_file():
        raise NotFound(f"{file} is not a file.")
    return _print(_service(container).record_evaluation(operator(container), sha256_file(file)))


def _service(container: Container) -> GateService:
    if container.gates is None:
        raise NotFound("Rollout steps are not enabled.", remedy="The operator sets gates.enabled.")
    return container.gates


def _print(report: GateReport) -> Result:
    from safelight.web.api.gates import show_gate

    t, state = texts("gates"), report.state
    following = state.step.following
    lines = [t("now", step=t(f"step.{state.step}")), t(f"about.{state.step}")]
    if state.proposed_step and state.proposed_by:
        lines.append(t("proposed", step=t(f"step.{state.proposed_step}"), who=printable(state.proposed_by)))
    if following is not None:
        key = "lacks" if report.missing else "ready"
        lines.append(t(key, step=t(f"step.{following}")))
        lines += [f"  {one.sentence(language())}" for one in report.missing]
    lines += [f"{format_day(one.at)} {t(one.event)} {printable(one.actor)}" for one in report.moves]
    return Result(show_gate(report), lines)
