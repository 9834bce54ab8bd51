"""`safelight policy`: create, validate, compare, replay and publish policies."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from safelight.core.envelopes import format_iso
from safelight.core.errors import Conflict, InvalidField, NotFound
from safelight.core.i18n import load_messages, translate_reason

from .keys import DecidedBy
from .language import category_name, language, modality_name, texts
from .operations import Result, command
from .output import Exit, printable, progress_console

if TYPE_CHECKING:
    from safelight.accounts.policies import PublishedPolicy
    from safelight.app.container import Container
    from safelight.policy.documents import Policy
    from safelight.policy.replay import ReplayRecord, ReplayReport

app = typer.Typer(no_args_is_help=True)

Document = Annotated[
    str | None,
    typer.Argument(help="A built-in name, a file, a folder or a policy_... id. [default: policy in force]"),
]

_TEMPLATE = """\
# See docs/policy.md. Check it with: safelight policy check {file}
policy: {name}
version: "1"
extends: {extends}

thresholds: {{}}      # such as {{sx-1: 0.7}}
rules: []           # such as: - {{id: ip-2, action: block}}
"""


@command(app)
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("policy.yaml"),
    extends: Annotated[str, typer.Option(help="starter, strict, creative or a file.")] = "starter",
) -> Result:
    """Write a policy document to start from. An existing file is not changed."""
    name = path.stem if path.stem != "policy" else "house"
    try:
        with path.open("x", encoding="utf-8") as file:
            quoted = json.dumps(extends, ensure_ascii=False)
            file.write(_TEMPLATE.format(file=path, name=json.dumps(name, ensure_ascii=False), extends=quoted))
    except FileExistsError:
        raise Conflict(f"{path} exists already.", remedy="Choose another name, or edit it.") from None
    except OSError as error:
        raise InvalidField(f"{path} cannot be written: {error.strerror}.", param="path") from error
    return Result(
        {"written": path, "extends": extends}, texts()("policy.written", path=path, extends=extends)
    )


@command(app)
def check(container: Container, document: Annotated[str, typer.Argument()]) -> Result:
    """Validate a document and everything it extends; list each problem with file, line, field and remedy."""
    policy = _load_policy(container, document)
    warnings = _warnings(container, policy)
    title = texts()("policy.valid", title=_format_title(policy), rules=len(policy.rules))
    lines = [title, *_warnings(container, policy, translated=True)]
    return Result({**_to_json(policy), "problems": [], "warnings": warnings}, lines)


@command(app)
def show(
    container: Container,
    document: Document = None,
    versions: Annotated[
        bool, typer.Option("--versions", help="List the published versions instead.")
    ] = False,
) -> Result:
    """Print a policy merged with everything it extends."""
    if versions:
        listed = container.persistence.policies.list(_owner(container))
        lines = "\n".join(_format_version(one) for one in listed)
        return Result({"policies": listed}, lines or texts()("policy.none"))
    policy = _load_policy(container, document)
    return Result({**_to_json(policy), "document": policy.document}, _describe(policy))


@command(app)
def diff(
    container: Container,
    old: Annotated[str, typer.Argument(help="A built-in name, a file, a folder or a policy_... id.")],
    new: Annotated[str, typer.Argument(help="The policy to compare it with.")],
) -> Result:
    """Show the differences between two policies, by rule and field."""
    from safelight.policy.diff import diff as compare

    found = compare(_load_policy(container, old), _load_policy(container, new))
    return Result(found.as_json(), found.lines())


@command(app)
def replay(
    container: Container,
    document: Document = None,
    reference: Annotated[
        bool, typer.Option("--reference", help="Replay the reference cases instead of the history.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--file", help="Replay the records of a file instead of the history.")
    ] = None,
    fail_on_change: Annotated[
        bool, typer.Option("--fail-on-change", help="Exit code 1 if any verdict changes.")
    ] = False,
) -> Result:
    """Evaluate all stored results again and count the videos with another verdict. Changes nothing."""
    from safelight.policy.replay import replay as run

    policy = _load_policy(container, document)
    with progress_console().status(texts()("policy.replaying")):
        report = run(
            policy, container.core.taxonomy, _load_records(container, reference=reference, file=file)
        )
    code = Exit.ERROR if report.unreadable or (fail_on_change and report.changed) else Exit.OK
    return Result(report.as_json(), _format_report(report, "cases" if reference else "videos"), code)


@command(app)
def publish(container: Container, document: Annotated[str, typer.Argument()], by: DecidedBy) -> Result:
    """Put a document in force as the next version of its name, and show what it changes."""
    from safelight.policy.diff import diff as compare

    policy = _load_policy(container, document)
    changes = compare(_load_policy(container, None), policy)
    published = container.persistence.policies.publish(policy, published_by=by, tenant=_owner(container))
    warnings = _warnings(container, policy)
    title = texts()("policy.published", version=_format_version(published))
    lines = [title, *changes.lines(), *_warnings(container, policy, translated=True)]
    payload = {"published": published, "changes": changes.as_json(), "warnings": warnings}
    return Result(payload, lines)


@command(app)
def rollback(container: Container, by: DecidedBy) -> Result:
    """Put the previous version back in force."""
    published = container.persistence.policies.rollback(published_by=by, tenant=_owner(container))
    version = texts()("policy.shared") if published is None else _format_version(published)
    return Result({"published": published}, texts()("policy.rolled_back", version=version))


def _owner(container: Container) -> str | None:
    """The tenant if the policy in force is its own: the commands change these publications."""
    return container.persistence.policies.owner(container.persistence.tenant)


def _warnings(container: Container, policy: Policy, *, translated: bool = False) -> list[str]:
    """One sentence for each rule that asks for less than the operating points of the classifiers, and, if no
    configured generator steers, for each steering entry.

    In English with the ids of categories, or translated with their names.
    """
    from safelight.policy.grounding import rules_below_point

    points = container.core.text_pipeline.points
    t = texts() if translated else load_messages("cli")
    low = [
        t(
            "policy.low",
            rule=rule,
            category=category_name(category) if translated else category,
            score=f"{score:g}",
            point=f"{points[category]:g}",
        )
        for rule, category, score in rules_below_point(policy.rules, points)
    ]
    if any(generator.info().steers for generator in container.core.generators.values()):
        return low
    return low + [
        t(
            "policy.unsteered",
            id=entry.id,
            effect=t("policy.gap_holds" if entry.required else "policy.gap_notes"),
        )
        for entry in policy.steering
    ]


def _load_policy(container: Container, wanted: str | None) -> Policy:
    from safelight.core.ids import is_id
    from safelight.policy.documents import load

    if wanted is None:
        return container.persistence.active_policy(container.persistence.tenant)
    if is_id(wanted, "policy"):
        found: Policy = container.persistence.policies.get(wanted)
        return found
    return load(wanted, container.core.taxonomy)


def _load_records(container: Container, *, reference: bool, file: Path | None) -> Iterable[ReplayRecord]:
    if reference:
        from safelight.policy.reference_cases import replay_records

        return replay_records(container.core.taxonomy)
    if file is not None:
        return _read_file(file)
    from safelight.accounts.policies import read_history

    return read_history(
        container.persistence.database,
        waivers=[
            waiver.terms for waiver in container.persistence.waivers_in_force(container.persistence.tenant)
        ],
    )


def _read_file(file: Path) -> Iterable[ReplayRecord]:
    import msgspec

    from safelight.policy.replay import read_records

    if not file.is_file():
        raise NotFound(f"The file {file} does not exist.")
    with file.open("rb") as stream:
        try:
            yield from read_records(stream)
        except (msgspec.DecodeError, OSError) as error:
            raise InvalidField(f"{file} is not a file of records: {error}.", param="file") from error


def _to_json(policy: Policy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "version": policy.version,
        "about": policy.about,
        "sha256": policy.sha256,
        "rules": len(policy.rules),
    }


def _format_title(policy: Policy) -> str:
    return texts()("policy.title", name=policy.name, version=policy.version, sha=policy.sha256[:12])


def _format_version(one: PublishedPolicy) -> str:
    t = texts()
    time = format_iso(one.published_at, timespec="minutes")
    title = t("policy.title", name=one.name, version=one.version, sha=one.sha256[:12])
    version = t("policy.version", id=one.id, title=title, time=time, who=printable(one.published_by))
    if one.tenant is not None:
        version = t("policy.own", version=version)
    return t("policy.active", version=version) if one.active else version


def _describe(policy: Policy) -> Iterable[str]:
    t = texts()
    yield _format_title(policy)
    if policy.about:
        yield policy.about
    yield ""
    for rule in sorted(policy.rules, key=lambda rule: -rule.action.severity):
        action = t(f"policy.action.{rule.action.value}")
        action = t("policy.vaulted", action=action) if rule.vault else action
        clauses = [clause for clause in (rule.when, *rule.all_of, *rule.any_of) if clause is not None]
        names = map(_format_category, sorted({name for clause in clauses for name in clause.categories}))
        yield t(
            "policy.rule",
            id=_pad(rule.id, 8),
            action=_pad(action, 14),
            names=t("separator").join(names) or t("policy.any"),
            reason=translate_reason(rule.reason, language()),
        )
    yield ""
    for requirement in policy.requirements:
        yield t(
            "policy.requires",
            id=_pad(requirement.id, 14),
            action=t(f"policy.action.{requirement.on_gap.value}"),
            categories=t("separator").join(map(_format_category, sorted(requirement.categories))),
            modalities=t("separator").join(map(modality_name, sorted(requirement.modalities))),
            stages=t("separator").join(t(f"policy.stage.{stage}") for stage in sorted(requirement.stages)),
        )
    for entry in policy.steering:
        found = t("separator").join(map(_format_category, sorted(entry.categories))) or t("policy.any")
        away = t("separator").join(map(_format_category, sorted(entry.away_from)))
        yield t(
            "policy.steer",
            id=_pad(entry.id, 14),
            action=t("policy.steered_required" if entry.required else "policy.steered"),
            found=found,
            away=away or found,
            methods=t("separator").join(sorted(entry.methods)),
        )


def _format_category(category: str) -> str:
    """The id, which documents and commands use, and the name."""
    name = category_name(category)
    return category if name == category else texts()("policy.category", id=category, name=name)


def _pad(text: str, width: int) -> str:
    """The text with spaces up to this many columns; wide characters count two."""
    from rich.cells import cell_len

    return text + " " * (width - cell_len(text))


def _format_report(report: ReplayReport, what: str) -> Iterable[str]:
    t = texts()
    yield t(
        f"policy.replayed.{what}",
        policy=report.policy,
        n=report.videos,
        records=report.records,
        changed=report.changed,
        vaulted=report.vaulted,
    )
    if report.unreadable:
        yield t("policy.unreadable", n=report.unreadable)
    for step in report.as_json()["transitions"]:
        before = t(f"policy.action.{step['before']}") if step["before"] else t("policy.undecided")
        after = t(f"policy.action.{step['after']}")
        line = t("policy.step", before=before, after=after, n=step["count"])
        if step["before"] != step["after"]:
            line = t("policy.examples", step=line, names=t("separator").join(step["examples"]))
        yield f"  {line}"
