"""The policy editor: check, compare, replay, publish and roll back."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import KeyScope, Principal
from safelight.accounts.policies import PublishedPolicy
from safelight.core.errors import NotFound, PolicyError, SafelightError
from safelight.core.i18n import load_messages
from safelight.core.ids import new_id
from safelight.policy import diff, reference_cases
from safelight.policy.documents import Policy, load
from safelight.policy.findings import SHIPPED, Modality, group_of
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.policy.replay import ReplayReport, replay
from safelight.policy.rules import Clause, Rule
from safelight.policy.yaml_reader import MAX_BYTES, PolicyProblem, YamlReader, did_you_mean
from safelight.web.translations import Translations, format_datetime, translate_category

from .render import PageHandler

#: A value of the finding in a reason, such as the number of frames.
_VALUE = re.compile(r"\{\w+\}")
#: Maximum number of past records that one replay from the page evaluates.
MAX_REPLAYED_RECORDS = 200_000
_FILE_NAME = "policy.yaml"
NEW_POLICY_TEMPLATE = """\
policy: {name}
version: "1"
extends: {extends}

# Override the threshold of a rule in the extended policy:
#   thresholds: {{sx-1: 0.7}}
thresholds: {{}}

# Change a rule by its id, or add a rule:
#   - {{id: ip-2, action: block}}
rules: []
"""
_NO_FINDINGS: dict[str, Any] = {
    "check": None,
    "action": "",
    "diff": None,
    "history": None,
    "cases": None,
    "history_count": 0,
    "case_count": 0,
}
#: In place of a version: that of the installation is in force again.
_SHARED = "shared"

# The rules of a policy as sentences: what, where, the action, and what changes it, grouped by category.


@dataclass(frozen=True, kw_only=True)
class RuleRow:
    id: str
    tone: str
    action: str
    #: What, where, and what changes it, in sentences.
    text: str
    #: Whether the reason has no translation.
    in_english: bool


@dataclass(frozen=True, kw_only=True)
class RuleGroup:
    name: str
    rules: tuple[RuleRow, ...]


def rule_groups(policy: Policy, t: Translations) -> tuple[RuleGroup, ...]:
    """The rules by category, in the order of the document."""
    groups: dict[str, list[RuleRow]] = {}
    for rule in policy.rules:
        groups.setdefault(_category(rule), []).append(_rule_row(rule, t))
    return tuple(
        RuleGroup(
            name=translate_category(category, t) if category else t("policy.rule.any_category"),
            rules=tuple(rows),
        )
        for category, rows in groups.items()
    )


def _category(rule: Rule) -> str:
    """The category at the root of what the rule is about, or else its group; empty for several."""
    named = {rule.category} if rule.category else {one for each in _clauses(rule) for one in each.categories}
    families = {
        root if (root := name.partition("/")[0]) in SHIPPED else str(group_of(name) or root) for name in named
    }
    if len(named) == 1 and named <= {"sexual/minors"}:
        return named.pop()
    return families.pop() if len(families) == 1 else ""


def _clauses(rule: Rule) -> tuple[Clause, ...]:
    return (*((rule.when,) if rule.when else ()), *rule.all_of, *rule.any_of)


def _rule_row(rule: Rule, t: Translations) -> RuleRow:
    reason = t.translate_reason(rule.reason)
    what = _VALUE.sub("…", reason).rstrip(".。")
    found = {modality for clause in _clauses(rule) for modality in clause.modalities}
    places = [t(f"modality.{modality.value}") for modality in Modality if modality in found]
    where = t("policy.rule.where", places=t.join_list(places)) if places else t("policy.rule.anywhere")
    return RuleRow(
        id=rule.id,
        tone=rule.action.value,
        action=t(f"policy.rule.action.{rule.action.value}"),
        text=t.join_sentences((t("policy.rule.what", what=what, where=where), *_changes(rule, t))),
        in_english=t.tag != "en" and reason == rule.reason,
    )


def _changes(rule: Rule, t: Translations) -> Iterator[str]:
    """Exceptions, other actions for an audience, and what else happens."""
    if rule.unless_consent:
        yield t("policy.rule.unless_consent")
    if rule.unless_facts:
        facts = [
            t(f"policy.rule.fact.{name}") if t.has(f"policy.rule.fact.{name}") else name
            for name in sorted(rule.unless_facts)
        ]
        yield t("policy.rule.unless_facts", facts=t.join_list(facts))
    for audience, override in sorted(rule.audiences.items()):
        if override.disabled:
            yield t("policy.rule.audience_off", audience=t(f"policy.rule.audiences.{audience.value}"))
        elif override.action is not None and override.action is not rule.action:
            yield t(
                "policy.rule.audience",
                audience=t(f"policy.rule.audiences.{audience.value}"),
                action=t(f"policy.rule.action.{override.action.value}"),
            )
    if rule.vault:
        yield t("policy.rule.vault")
    if rule.support:
        yield t("policy.rule.support")


@dataclass(frozen=True, kw_only=True)
class PolicyCheck:
    """A parsed document: the policy, or the problems of the document."""

    policy: Policy | None
    problems: tuple[PolicyProblem, ...]

    @property
    def lines(self) -> frozenset[int]:
        return frozenset(problem.line for problem in self.problems if problem.file == _FILE_NAME)


@dataclass(frozen=True, kw_only=True)
class VerdictChange:
    """Number of past verdicts that would change from one action to another."""

    before: str
    after: str
    before_tone: str
    after_tone: str
    count: int
    examples: tuple[str, ...]
    changed: bool


class PolicyPages(PageHandler):
    """The policy in force, and its editor, which needs the scope `policy`."""

    async def show(self, request: Request, principal: Principal) -> Response:
        """The rules in force and the versions; with `?edit=1`, the editor."""
        if "edit" not in request.query_params:
            t, current = self.translations(request), await self.run(self._policies.in_force, principal.tenant)
            return await self._render(request, principal, groups=rule_groups(current, t))
        principal.require(KeyScope.POLICY)
        text = NEW_POLICY_TEMPLATE.format(name="house", extends=await self._base_policy_name(principal))
        return await self._render_editor(request, principal, text)

    async def act(self, request: Request, principal: Principal) -> Response:
        """Check, compare, replay or publish the document of the form, or roll back to the previous
        version.
        """
        form = await self.read_form(request)
        text, action = form.get("document", "").replace("\r\n", "\n"), form.get("action", "check")
        if action == "rollback":
            published = await self.run(
                self._policies.published.rollback,
                published_by=principal.name,
                tenant=await self._owner(principal),
                by=principal.id,
            )
            return self.redirect(f"/policy?rolled_back={published.version if published else _SHARED}")
        check = await self.run(self._check_document, text)
        values: dict[str, Any] = {"check": check, "action": action}
        if check.policy is not None:
            current = await self.run(self._policies.in_force, principal.tenant)
            values["diff"] = diff.diff(current, check.policy)
            t = self.translations(request)
            if action in {"replay", "publish"}:
                history, cases = await self.run(self._replay_policy, principal.tenant, check.policy)
                values |= {"history": _verdict_changes(history, t), "cases": _verdict_changes(cases, t)}
                values |= {"history_count": history.videos, "case_count": cases.videos}
            if action == "publish" and form.get("confirm") == check.policy.sha256:
                try:
                    version = await self.run(
                        self._policies.published.publish,
                        check.policy,
                        published_by=principal.name,
                        tenant=await self._owner(principal),
                        by=principal.id,
                    )
                except SafelightError as problem:
                    return await self._render_editor(
                        request, principal, text, problem.status, problem=problem, **values
                    )
                return self.redirect(f"/policy?published={version.version}")
        if self.wants_fragment(request):
            return await self._render_findings(request, principal, **values)
        status = 422 if check.problems else 200
        return await self._render_editor(request, principal, text, status, **values)

    @property
    def _policies(self) -> Any:
        policies = self.console.policies
        if policies is None:
            raise NotFound("This server stores no policies.")
        return policies

    async def _owner(self, principal: Principal) -> str | None:
        """The tenant if the policy in force is its own: the page changes these publications."""
        owner: str | None = await self.run(self._policies.published.owner, principal.tenant)
        return owner

    async def _base_policy_name(self, principal: Principal) -> str:
        policy = await self.run(self._policies.in_force, principal.tenant)
        return policy.name if policy.name in SHIPPED_NAMES else SHIPPED_NAMES[0]

    def _check_document(self, text: str) -> PolicyCheck:
        """Compile the document.

        It may extend a shipped policy only, so that the page cannot read files of the server.
        """
        problems: list[PolicyProblem] = []
        node = YamlReader(_FILE_NAME, problems).parse(text.encode())
        if node is not None:
            problems += _unsupported_bases(node)
        if problems or node is None:
            return PolicyCheck(policy=None, problems=tuple(problems))
        work_dir = self.services.scratch / new_id("req")
        work_dir.mkdir(parents=True)
        try:
            path = work_dir / _FILE_NAME
            path.write_text(text, encoding="utf-8")
            return PolicyCheck(policy=load(path, self.services.taxonomy), problems=())
        except PolicyError as error:
            problems = [problem for problem in error.problems if isinstance(problem, PolicyProblem)]
            return PolicyCheck(
                policy=None, problems=tuple(_without_folder(problem, str(work_dir)) for problem in problems)
            )
        finally:
            shutil.rmtree(work_dir, ignore_errors=True)

    def _replay_policy(self, tenant: str, policy: Policy) -> tuple[ReplayReport, ReplayReport]:
        taxonomy = self.services.taxonomy
        past = islice(self._policies.history(tenant), MAX_REPLAYED_RECORDS)
        return replay(policy, taxonomy, past), replay(
            policy, taxonomy, reference_cases.replay_records(taxonomy)
        )

    async def _render_findings(self, request: Request, principal: Principal, **values: Any) -> Response:
        return await self.render_page(
            request, "policy_findings.html", principal, **{**_NO_FINDINGS, **values}
        )

    async def _render_editor(
        self, request: Request, principal: Principal, text: str, status: int = 200, **values: Any
    ) -> Response:
        values = {**_NO_FINDINGS, "document": text, "max_bytes": MAX_BYTES, **values}
        return await self._render(request, principal, status, **values)

    async def _render(
        self, request: Request, principal: Principal, status: int = 200, **values: Any
    ) -> Response:
        current = await self.run(self._policies.in_force, principal.tenant)
        owner = await self._owner(principal)
        published = await self.run(self._policies.published.list, owner)
        t = self.translations(request)
        shown = {
            "groups": (),
            "current": current,
            "m": load_messages("prompts", t.tag),
            "rules": len(current.rules),
            "published": [_version_row(version, t) for version in reversed(published)][:8],
            "can_edit": (can_edit := principal.has_scope(KeyScope.POLICY)),
            # Before the first policy of a tenant, that of the installation was in force.
            "can_go_back": can_edit and any(version.active for version in published[owner is None :]),
            "confirmation": _confirmation(request, t),
        }
        return await self.render_page(request, "policy.html", principal, status, **{**shown, **values})


def _confirmation(request: Request, t: Translations) -> str:
    for key in ("published", "rolled_back"):
        version = request.query_params.get(key, "")
        if version == _SHARED:
            return t("policy.shared_done")
        if version:
            return t(f"policy.{key}_done", version=version[:12])
    return ""


def _unsupported_bases(node: yaml.MappingNode) -> Iterator[PolicyProblem]:
    for key, value in node.value:
        if getattr(key, "value", "") == "extends" and getattr(value, "value", "") not in SHIPPED_NAMES:
            yield PolicyProblem(
                file=_FILE_NAME,
                line=value.start_mark.line + 1,
                field="extends",
                message="A policy in this editor can only extend a shipped policy.",
                remedy=did_you_mean(str(getattr(value, "value", ""))[:60], SHIPPED_NAMES),
            )


def _without_folder(problem: PolicyProblem, folder: str) -> PolicyProblem:
    """The text of a problem, without the path of the temporary folder."""
    file = problem.file.removeprefix(f"{folder}/")
    return PolicyProblem(
        file=_FILE_NAME if file.endswith(_FILE_NAME) else file,
        line=problem.line,
        field=problem.field,
        message=problem.message.replace(folder, ""),
        remedy=problem.remedy,
    )


def _version_row(version: PublishedPolicy, t: Translations) -> dict[str, Any]:
    return {
        "id": version.id,
        "name": version.name,
        "version": version.version,
        "sha256": version.sha256[:12],
        "at": format_datetime(version.published_at, t),
        "by": version.published_by,
        "active": version.active,
    }


def _verdict_changes(report: ReplayReport, t: Translations) -> tuple[VerdictChange, ...]:
    """How often a replay changed one verdict to another, and kept it; changes come first."""
    changes = [
        VerdictChange(
            before=t(f"verdict.{step.before}") if step.before else t("policy.undecided"),
            after=t(f"verdict.{step.after}"),
            before_tone=step.before or "none",
            after_tone=step.after,
            count=count,
            examples=tuple(report.examples.get(step, ())[:3]),
            changed=bool(step.before) and step.before != step.after,
        )
        for step, count in report.transitions.items()
    ]
    return tuple(sorted(changes, key=lambda step: (not step.changed, -step.count)))
