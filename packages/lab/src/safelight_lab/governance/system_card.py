"""The system card: facts of an installation, read from its data, its files and this release.

The card is a JSON object. It has no sentence of its own about how good the checks are: each is derived from
the coverage table, the shipped measurements or the data of the installation.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

import safelight
from safelight.core import canonical_json
from safelight.core.envelopes import format_iso
from safelight.core.errors import InvalidField, NotFound
from safelight.policy.statistics import wilson

if TYPE_CHECKING:
    from safelight.accounts import Principal
    from safelight.accounts.policies import PublishedPolicy
    from safelight.app.container import Container
    from safelight.policy.documents import Policy
    from safelight.policy.waivers import Waiver

FORMAT = "safelight system card 1"
#: The shipped policy that the policy in force is compared with.
BASIS = "starter"
#: The files with the measurements of a release, in `safelight.policy`.
_MEASUREMENTS = ("measured_acts.json", "measured_cells.json", "measured_prompts.json")
#: The report of `safelight eval bias` of this release, cut to its failed rows.
_MEASURED_BIAS = "measured_bias.json"
#: A measured share in the sentence of a cell, such as "28 of 60 found".
_SHARE = re.compile(r"(\d+) of (\d+)")


class Edition(StrEnum):
    PUBLIC = "public"
    #: For staff and auditors: with the waivers in full, and the people who decided.
    STAFF = "staff"


def make_card(
    container: Container,
    *,
    edition: Edition = Edition.PUBLIC,
    lists_waivers: bool = False,
    evaluation: Path | None = None,
    bias: Path | None = None,
    redteam: Path | None = None,
    published: PublishedPolicy | None = None,
    at: float | None = None,
) -> dict[str, Any]:
    """The card as JSON. `published`: about this version of a policy; otherwise about the policy in force.

    `lists_waivers`: also in the public edition. `at`: the time of the card; without it, the card names
    neither time nor commit, and is the same for the same release and data.
    """
    from safelight.policy.documents import load

    persistence = container.persistence
    tenant = persistence.tenant if published is None else published.tenant or persistence.tenant
    policy = (
        persistence.active_policy(tenant) if published is None else persistence.policies.get(published.id)
    )
    if published is None:
        published = publication_in_force(container, tenant)
    table = container.coverage.describe(tenant, policy)
    is_full = edition is Edition.STAFF
    models = list(_models(container))
    report, report_sha256 = _evaluation(evaluation)
    audit, audit_sha256 = _bias(bias, policy)
    red_team, red_team_sha256 = _red_team(redteam, policy)
    card = {
        "format": FORMAT,
        "edition": edition.value,
        "safelight": safelight.__version__,
        "commit": installed_commit() if at is not None else "",
        "made_at": None if at is None else format_iso(at),
        "policy": {
            **_policy(policy, load(BASIS, container.core.taxonomy)),
            "published": _publication(published, names_people=is_full),
        },
        "detectors": [{"name": one.name, "version": one.version} for one in container.core.detectors.plugins],
        "models": models,
        "coverage": _coverage(table),
        "rollout": _rollout(container, tenant),
        "waivers": _waivers(table, persistence.waivers_in_force(tenant), in_full=is_full or lists_waivers),
        "evaluation": None if report is None else evaluation_facts(report, policy),
        "bias": audit,
        "prevalence": _prevalence(container, tenant),
        "red_team": red_team,
        "incidents": _incidents(container, tenant, at=at, in_full=is_full),
    }
    shipped = {name: _sha256((files("safelight.policy") / name).read_bytes()) for name in _MEASUREMENTS}
    card["inputs"] = {
        "policy": policy.sha256,
        "coverage table": _sha256(canonical_json.encode(table["cells"])),
        **shipped,
        **{f"weights of {one['name']}": one["weights"] for one in models if one["weights"]},
        **({"evaluation report": report_sha256} if report is not None else {}),
        "bias report": audit_sha256,
        **({"red team report": red_team_sha256} if red_team["recorded"] else {}),
    }
    # As it is after it was written and read again, so that it can be compared with an earlier one.
    found: dict[str, Any] = json.loads(msgspec.json.encode(card))
    return found


def read_card(path: Path) -> dict[str, Any]:
    """An earlier card. Raises `NotFound`, or `InvalidField` if the file is none."""
    card = _read_json(path)
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        raise InvalidField(f"{path} is no system card.", remedy="Make one: safelight card --json > OLD.json")
    return card


def read_report(data: bytes, name: str) -> dict[str, Any]:
    """A report of `safelight eval all`. Raises `InvalidField`."""
    from safelight_lab.evaluation.suite.figures import FORMAT as REPORT_FORMAT

    try:
        report = json.loads(data)
        if report["format"] == REPORT_FORMAT:
            return dict(report)
    except (ValueError, KeyError, TypeError):
        pass
    raise InvalidField(f"{name} is no report of `safelight eval all`.", remedy="Give its report.json.")


def installed_commit() -> str:
    """The commit that this copy of Safelight was installed or cloned from; empty if that is not known."""
    root = Path(safelight.__file__).parents[2]
    if (root / ".git").exists() and (git := shutil.which("git")):
        found = [_output(git, "-C", str(root), *command) for command in (_HEAD, _CHANGES)]
        return found[0] + (", with changes" if found[0] and found[1] else "")
    try:
        origin = json.loads(distribution("safelight").read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return ""
    return str(origin.get("vcs_info", {}).get("commit_id", ""))


_HEAD, _CHANGES = ("rev-parse", "HEAD"), ("status", "--porcelain", "--untracked-files=no")


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidField(f"{path} is not JSON.") from error


def publication_in_force(container: Container, tenant: str) -> PublishedPolicy | None:
    """The publication of the policy in force; None if the document of the settings is in force."""
    policies = container.persistence.policies
    listed = policies.list(policies.owner(tenant))
    return next((one for one in listed if one.active), None)


def _policy(policy: Policy, basis: Policy) -> dict[str, Any]:
    from safelight.policy.diff import diff

    return {
        "name": policy.name,
        "version": policy.version,
        "sha256": policy.sha256,
        "basis": {"name": basis.name, "version": basis.version, "sha256": basis.sha256},
        "differences": diff(basis, policy).as_json(),
        "document": policy.document,
    }


def _publication(published: PublishedPolicy | None, *, names_people: bool) -> dict[str, Any] | None:
    """None: the document of the settings is in force, and was never published."""
    if published is None:
        return None
    found = {
        "id": published.id,
        "version": published.version,
        "at": format_iso(published.published_at),
        "in_force": published.active,
    }
    return {**found, "by": published.published_by} if names_people else found


def _models(container: Container) -> Iterable[dict[str, Any]]:
    """The models on disk: of the catalogue, and of the settings."""
    from safelight.cli.models import verify_models
    from safelight.detectors.models.catalogue import MODELS
    from safelight.detectors.models.weights import read_manifest

    for row in {(row["model"], row["weights"]): row for row in verify_models(container)}.values():
        pinned = MODELS.get(row["model"])
        manifest = None if row["wrong"] else read_manifest(row["folder"])
        yield {
            "name": row["model"],
            "task": "" if pinned is None else pinned.task,
            "licence": pinned.licence if pinned else manifest.licence if manifest else "",
            "weights": row["weights"],
            "files": {file.path: file.sha256 for file in pinned.files} if pinned else {},
            "recorded": row["recorded"] or pinned is not None,
            "wrong": row["wrong"],
        }


def measured_share(sentence: str | None) -> dict[str, Any] | None:
    """The share found that the sentence of a cell states, with its interval; None if it states none."""
    found = _SHARE.search(sentence or "")
    if found is None:
        return None
    k, n = map(int, found.groups())
    return _rate(k, n)


def _coverage(table: Mapping[str, Any]) -> dict[str, Any]:
    from safelight.policy.measurements import load_shipped_prompts
    from safelight.screening.coverage_count import count_complete, installed_checks
    from safelight.screening.text_figures import describe_installed_text
    from safelight.web.translations import load_languages

    run, total = count_complete(installed_checks(table))
    prompts = load_shipped_prompts()
    return {
        "checks_run": run,
        "checks": total,
        "cells": [
            {
                "category": cell["category"],
                "modality": cell["modality"],
                "status": cell["status"],
                "required": cell["required"],
                "detectors": cell["detectors"],
                "measured": cell["measured"],
                "share": measured_share(cell["measured"]),
                "why": cell["note"],
                "waived": bool(cell["waived_by"]),
            }
            for cell in table["cells"]
        ],
        "text": describe_installed_text(table, load_languages()["en"]),
        "prompts_with_all_models": {
            "page": prompts.page,
            "found": _rate(prompts.found, prompts.harmful),
            "harmless_stopped": _rate(prompts.stopped, prompts.harmless),
        },
        "missing": table["missing"],
    }


def _rate(k: int, n: int) -> dict[str, Any]:
    return {"k": k, "n": n, "interval": [round(end, 4) for end in wilson(k, n)]}


def _waivers(table: Mapping[str, Any], waivers: Iterable[Waiver], *, in_full: bool) -> dict[str, Any]:
    listed = tuple(waivers)
    excused = [cell for cell in table["cells"] if cell["waived_by"]]
    counts = {"in_force": len(listed), "checks": len(excused)}
    if not in_full:
        return counts
    return {
        **counts,
        "waivers": [
            {
                "name": one.name,
                "decided_by": one.decided_by,
                "reason": one.reason,
                "categories": list(one.categories),
                "since": format_iso(one.created_at),
                "until": None if one.expires_at is None else format_iso(one.expires_at),
                "checks": [
                    f"{cell['category']} in {cell['modality']}"
                    for cell in excused
                    if one.name in cell["waived_by"]
                ],
            }
            for one in listed
        ],
    }


def _evaluation(path: Path | None) -> tuple[dict[str, Any] | None, str]:
    if path is None:
        return None, ""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    return read_report(data, str(path)), _sha256(data)


def evaluation_facts(report: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    """The figures of a report, without its rows. Raises `InvalidField` if the report is not whole."""
    try:
        return {
            "date": report["date"],
            "safelight": report["safelight"],
            "policy": report["policy"],
            "of_this_policy": report["policy"]["sha256"] == policy.sha256,
            "model_hash": report["model_hash"],
            "unfinished": report["unfinished"],
            "figures": [
                {"set": one["name"], "prompts": one["label"], **_stopped(one)}
                for one in (*report["totals"], *report["by_set"])
            ],
            "worst": [
                {"class": classes[0]["name"], "prompts": label, **_stopped(classes[0])}
                for label, classes in report["classes"].items()
                if classes
            ],
            "sets": [
                {name: one[name] for name in ("name", "purpose", "rows", "licence", "sha256")}
                for one in report["sets"]
            ],
        }
    except (KeyError, TypeError, IndexError) as error:
        raise InvalidField(f"The report of `safelight eval all` has no part {error}.") from error


def _stopped(one: Mapping[str, Any]) -> dict[str, Any]:
    from safelight_lab.evaluation.suite.figures import POLICY

    return dict(one["stopped"][POLICY])


def _bias(path: Path | None, policy: Policy) -> tuple[dict[str, Any], str]:
    """The result of the bias audit with its failed gaps: of the report, or of this release with `starter`."""
    from safelight_lab.evaluation.bias.bias_eval import FAILED, STOPPED
    from safelight_lab.evaluation.bias.bias_eval import FORMAT as REPORT_FORMAT

    source = files("safelight_lab.governance") / _MEASURED_BIAS if path is None else path
    try:
        data = source.read_bytes()
        report = json.loads(data)
        if report["format"] != REPORT_FORMAT:
            raise ValueError
        facts = {
            "of_release": path is None,
            "of_this_policy": report["policy"]["sha256"] == policy.sha256,
            **{name: report[name] for name in ("date", "safelight", "policy", "set", "sentences", "results")},
            "failed": [
                {
                    **{
                        name: row[name]
                        for name in ("dimension", "group", "reference", "side", "pairs", "frames")
                    },
                    "stopped": row["measures"][STOPPED],
                    "signed": row["signed"],
                }
                for row in report["rows"]
                if row["result"] == FAILED
            ],
        }
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidField(
            f"{path} is no report of `safelight eval bias`.", remedy="Give its report.json."
        ) from error
    return facts, _sha256(data)


def _red_team(path: Path | None, policy: Policy) -> tuple[dict[str, Any], str]:
    """The figures of the red team: of the report, or of this release if a run was recorded for it."""
    from safelight_lab.redteam.shipped_figures import read_figures

    figures, data = read_figures(path)
    if figures is None:
        return {"recorded": False}, ""
    tested = figures["policy"]
    facts = {
        "recorded": True,
        "of_release": path is None,
        "of_this_policy": tested is not None and tested["sha256"] == policy.sha256,
        **figures,
    }
    return facts, _sha256(data)


def _rollout(container: Container, tenant: str) -> dict[str, Any] | None:
    """The step of the rollout; None if there are no steps."""
    from safelight.accounts.gates import GATES, read_gate
    from safelight.store.tables import audit_log

    if container.gates is None:
        return None
    with container.persistence.database.read_transaction(tenant) as tx:
        state = read_gate(tx)
        counts = {
            name: tx.count(audit_log, audit_log.c.subject == GATES, audit_log.c.event == f"gate.{event}")
            for name, event in (("raised", "raised"), ("lowered", "lowered"), ("incidents", "incident"))
        }
    since = None if state.entered_at is None else format_iso(state.entered_at)
    return {"step": state.step.value, "since": since, **counts}


def _lead(container: Container, tenant: str) -> Principal:
    from safelight.cli.quality import make_lead

    return dataclasses.replace(make_lead(container), tenant=tenant)


def _prevalence(container: Container, tenant: str) -> list[dict[str, Any]]:
    from safelight.cases.quality.review_quality import prevalence_figures

    draws = container.case_reads.quality_results.list_draws(_lead(container, tenant))
    return [prevalence_figures(draw) for draw in draws]


def _incidents(container: Container, tenant: str, *, at: float | None, in_full: bool) -> dict[str, Any]:
    """What was recorded, and what is known of harm that passed: no record can rule out an incident."""
    from sqlalchemy import func, select

    from safelight.cases.inputs import FiguresQuery
    from safelight.store.tables import videos
    from safelight.videos.models import VideoState

    from .incident_facts import incident_facts

    with container.persistence.database.read_transaction(tenant) as tx:
        recorded = incident_facts(tx, at=at, in_full=in_full)
        rows = tx.execute(
            select(videos.c.state, func.count().label("n"))
            .where(*tx.tenant_condition(videos))
            .group_by(videos.c.state)
        ).all()
    states = {row.state: row.n for row in rows}
    figures = container.case_reads.check_figures.figures(_lead(container, tenant), FiguresQuery())
    missed = [one.missed for one in figures.categories]
    return {
        **recorded,
        "delivered": states.get(VideoState.DELIVERED.value, 0),
        "withdrawn_after_delivery": states.get(VideoState.WITHDRAWN.value, 0),
        "missed_harm_found_by_people": {
            source: sum(getattr(one, source) for one in missed)
            for source in ("sample", "report", "golden", "review")
        },
    }
