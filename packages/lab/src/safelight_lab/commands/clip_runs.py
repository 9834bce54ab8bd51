"""Runs over the payloads of the red team, with the detectors of an installation."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from safelight.app.container import Container
from safelight.cli.output import ProgressBar
from safelight.core.errors import InvalidField
from safelight.policy.documents import Policy, load
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import WaiverTerms
from safelight_lab.evaluation import assessments
from safelight_lab.evaluation.prompt_eval import hash_of_versions
from safelight_lab.evaluation.suite.clip_sample import ClipRow
from safelight_lab.redteam import media_report, payloads
from safelight_lab.redteam.media_clip import media_attacks
from safelight_lab.redteam.media_run import MediaResults, MediaRun

#: Of the fixed sample: attacks on each payload, and the seed that draws them.
_ATTACKS, _SEED = 2, 1
#: Its words are the shortest ones that this policy stops, whichever policy is measured.
_CHOOSES = "starter"


@dataclass(frozen=True, kw_only=True)
class ClipRun:
    """A run that is ready, and what it was made with."""

    run: MediaRun
    #: Of the detectors, by name.
    versions: Mapping[str, str]
    #: Why a payload could not be made, by its name.
    missing: Mapping[str, str]

    @property
    def model_hash(self) -> str:
        return hash_of_versions(self.versions)

    def decide(self) -> MediaResults:
        with ProgressBar(self.run.total, "clips") as progress:
            done = itertools.count(1)
            return self.run.run(observe=lambda: progress.update(next(done)))


@dataclass(frozen=True, kw_only=True)
class SampleResults:
    """The files of the fixed sample as each policy decided about them, by the column of the policy."""

    rows: Mapping[str, Sequence[ClipRow]]
    missing: Mapping[str, str]


def check_payloads(names: Sequence[str]) -> None:
    """Raises `InvalidField` for an unknown name."""
    if unknown := [name for name in names if name not in payloads.NAMES]:
        raise InvalidField(
            f"Unknown payload {unknown[0]!r}; payloads: {', '.join(payloads.NAMES)}.", param="payload"
        )


@contextmanager
def open_run(
    ctx: typer.Context,
    configured: Container,
    policy: Policy,
    wanted: Sequence[str],
    *,
    count: int | None,
    seed: int,
    folder: Path,
    chooses: Policy | None = None,
    sheets: Path | None = None,
    attack_all: bool = False,
) -> Iterator[ClipRun]:
    """A run over these payloads, or over all. `chooses`: the policy that stops their words, if it is another
    one. The others are as in `MediaRun`.
    """
    with tempfile.TemporaryDirectory() as scratch:
        container = _with_enrolled(ctx, configured, Path(scratch))
        enrolled = payloads.enrol(container.core.hash_lists, container.core.logos)
        stages = container.pipeline.stages
        choosing = _as_tenant(configured, chooses or policy)

        def is_stopped(text: str) -> bool:
            return assessments.is_stopped(stages.prompt.screen({"prompt": text}, choosing).verdict)

        made = payloads.make_payloads(dict.fromkeys(wanted or payloads.NAMES), is_stopped)
        versions = {plugin.name: plugin.version for plugin in container.core.detectors.plugins}
        run = MediaRun(
            stages=stages,
            policy=_as_tenant(configured, policy),
            payloads=made.made,
            attacks=list(media_attacks()),
            count=count,
            seed=seed,
            judge=(hash_of_versions(versions), enrolled),
            folder=folder,
            sheets=sheets,
            attack_all=attack_all,
        )
        yield ClipRun(run=run, versions=versions, missing=made.missing)


def run_sample(
    ctx: typer.Context,
    configured: Container,
    policies: Mapping[str, Policy],
    wanted: Sequence[str],
    folder: Path,
) -> SampleResults:
    """Decides about each file of the fixed sample. Decisions of an earlier run are read from the folder."""
    rows: dict[str, Sequence[ClipRow]] = {}
    chooses = load(_CHOOSES, configured.core.taxonomy)
    [first, *_] = policies.values()
    with open_run(
        ctx,
        configured,
        first,
        wanted,
        chooses=chooses,
        count=_ATTACKS,
        seed=_SEED,
        folder=folder,
        attack_all=True,
    ) as prepared:
        for column, policy in policies.items():
            run = replace(prepared.run, policy=_as_tenant(configured, policy))
            results = replace(prepared, run=run).decide()
            rows[column] = list(media_report.list_files(results, run.payloads))
        return SampleResults(rows=rows, missing=prepared.missing)


def _as_tenant(configured: Container, policy: Policy) -> TenantPolicy:
    """The policy as the stages take it. Checks that no installed detector does are waived."""
    waivers = (WaiverTerms(id="redteam", name="redteam", categories=("*",)),)
    return TenantPolicy(tenant="", taxonomy=configured.core.taxonomy, policy=policy, waivers=waivers)


def _with_enrolled(ctx: typer.Context, configured: Container, folder: Path) -> Container:
    """The installation, with lists and logos of this folder in place of its own."""
    settings = configured.core.settings
    detectors: dict[str, Any] = dict(settings.detectors)
    for name, options in payloads.enrolled_options(folder).items():
        own = detectors.get(name, {})
        if own is not False:
            detectors[name] = {**(own if isinstance(own, dict) else {}), **options}
    # Scans need a data directory for unfinished files.
    data = settings.data if settings.data.exists() else folder / "data"
    data.mkdir(exist_ok=True)
    made = Container(settings.model_copy(update={"detectors": detectors, "data": data}))
    ctx.call_on_close(made.likeness.close_embedder)
    ctx.call_on_close(made.persistence.close)
    return made
