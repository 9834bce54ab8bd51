"""Policies: edited, checked line by line, compared, replayed, published, and taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import yaml
from starlette.requests import Request
from starlette.responses import Response

from safelight.errors import NotFound, PolicyError, SafelightError
from safelight.ids import new_id
from safelight.policy import diff, reference_cases
from safelight.policy.documents import Policy, load
from safelight.policy.inheritance import SHIPPED_NAMES
from safelight.policy.replay import ReplayReport, replay
from safelight.policy.yaml_reader import MAX_BYTES, PolicyProblem, YamlReader, did_you_mean
from safelight.trust.accounts import Principal
from safelight.trust.policies import PublishedPolicy

from .formatting import moment
from .handler import PageHandler
from .translations import Translations

#: Judgements of history that one replay on a page goes over.
MOST_REPLAYED = 200_000
_FILE = "policy.yaml"

TEMPLATE = """\
policy: {name}
version: "1"
extends: {extends}

# A threshold of a rule that stands in what is extended:
#   thresholds: {{sx-1: 0.7}}
thresholds: {{}}

# A rule changed by its id, or one of your own:
#   - {{id: ip-2, action: block}}
rules: []
"""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A document as far as it holds."""

    policy: Policy | None
    problems: tuple[PolicyProblem, ...]

    @property
    def lines(self) -> frozenset[int]:
        return frozenset(problem.line for problem in self.problems if problem.file == _FILE)


@dataclass(frozen=True, kw_only=True)
class VerdictChange:
    """How often which verdict becomes which."""

    before: str
    after: str
    before_tone: str
    after_tone: str
    count: int
    examples: tuple[str, ...]
    changed: bool


class PolicyPages(PageHandler):
    """For people with the scope `policy`."""

    async def show(self, request: Request, principal: Principal) -> Response:
        text = TEMPLATE.format(name="house", extends=await self._extends(principal))
        return await self._page(request, principal, text)

    async def act(self, request: Request, principal: Principal) -> Response:
        """Check, compare, replay or publish what is in the form; or go back to the version before."""
        form = await self.form(request)
        text, what = form.get("document", "").replace("\r\n", "\n"), form.get("what", "check")
        if what == "rollback":
            published = await self.run(self._parts.published.rollback, published_by=principal.name, by=principal.id)
            return self.redirect(f"/policy?back={published.version}")
        checked = await self.run(self._check, text)
        values: dict[str, Any] = {"checked": checked, "what": what}
        if checked.policy is not None:
            current = await self.run(self._parts.in_force, principal.tenant)
            values["diff"] = diff.diff(current, checked.policy)
            words = self.words(request)
            if what in {"replay", "publish"}:
                history, cases = await self.run(self._replay, principal.tenant, checked.policy)
                values |= {"history": _steps(history, words), "cases": _steps(cases, words)}
                values |= {"history_of": history.records, "cases_of": cases.records}
            if what == "publish" and form.get("sure") == checked.policy.sha256:
                try:
                    made = await self.run(
                        self._parts.published.publish, checked.policy, published_by=principal.name, by=principal.id
                    )
                except SafelightError as problem:
                    return await self._page(
                        request, principal, text, problem.status, problem=problem, **values
                    )
                return self.redirect(f"/policy?published={made.version}")
        if self.wants_part(request):
            return await self._part(request, principal, **values)
        status = 422 if checked.problems else 200
        return await self._page(request, principal, text, status, **values)

    @property
    def _parts(self) -> Any:
        parts = self.console.policies
        if parts is None:
            raise NotFound("This gateway keeps no policies.")
        return parts

    async def _extends(self, principal: Principal) -> str:
        policy = await self.run(self._parts.in_force, principal.tenant)
        return policy.name if policy.name in SHIPPED_NAMES else SHIPPED_NAMES[0]

    def _check(self, text: str) -> Checked:
        """Compile the text. What it extends must be shipped: a page reads no files of the server."""
        problems: list[PolicyProblem] = []
        node = YamlReader(_FILE, problems).parse(text.encode())
        if node is not None:
            problems += _foreign(node)
        if problems or node is None:
            return Checked(policy=None, problems=tuple(problems))
        bench = self.services.scratch / new_id("req")
        bench.mkdir(parents=True)
        try:
            path = bench / _FILE
            path.write_text(text, encoding="utf-8")
            return Checked(policy=load(path, self.services.taxonomy), problems=())
        except PolicyError as error:
            found = [problem for problem in error.problems if isinstance(problem, PolicyProblem)]
            return Checked(policy=None, problems=tuple(_named(problem, str(bench)) for problem in found))
        finally:
            shutil.rmtree(bench, ignore_errors=True)

    def _replay(self, tenant: str, policy: Policy) -> tuple[ReplayReport, ReplayReport]:
        taxonomy = self.services.taxonomy
        past = islice(self._parts.history(tenant), MOST_REPLAYED)
        return replay(policy, taxonomy, past), replay(policy, taxonomy, reference_cases.records(taxonomy))

    async def _part(self, request: Request, principal: Principal, **values: Any) -> Response:
        return await self.page(request, "policy_findings.html", principal, **{**_NOTHING, **values})

    async def _page(
        self, request: Request, principal: Principal, text: str, status: int = 200, **values: Any
    ) -> Response:
        current = await self.run(self._parts.in_force, principal.tenant)
        published = await self.run(self._parts.published.list)
        words = self.words(request)
        rows = [_published(one, words) for one in reversed(published)][:8]
        return await self.page(
            request,
            "policy.html",
            principal,
            status,
            document=text,
            most=MAX_BYTES,
            current=current,
            rules=len(current.rules),
            published=rows,
            can_go_back=any(one.active for one in published[1:]),
            said=_said(request, words),
            **{**_NOTHING, **values},
        )


_NOTHING: dict[str, Any] = {
    "checked": None,
    "what": "",
    "diff": None,
    "history": None,
    "cases": None,
    "history_of": 0,
    "cases_of": 0,
    "problem": None,
}


def _said(request: Request, words: Translations) -> str:
    for key in ("published", "back"):
        if version := request.query_params.get(key, ""):
            return words(f"policy.{key}_done", version=version[:12])
    return ""


def _foreign(node: yaml.MappingNode) -> Iterator[PolicyProblem]:
    for key, value in node.value:
        if getattr(key, "value", "") == "extends" and getattr(value, "value", "") not in SHIPPED_NAMES:
            yield PolicyProblem(
                file=_FILE,
                line=value.start_mark.line + 1,
                field="extends",
                message="A policy edited here extends a shipped one.",
                remedy=did_you_mean(str(getattr(value, "value", ""))[:60], SHIPPED_NAMES),
            )


def _named(problem: PolicyProblem, folder: str) -> PolicyProblem:
    """The problem without the place where the text lay for a moment."""
    file = problem.file.removeprefix(f"{folder}/")
    return PolicyProblem(
        file=_FILE if file.endswith(_FILE) else file,
        line=problem.line,
        field=problem.field,
        message=problem.message.replace(folder, ""),
        remedy=problem.remedy,
    )


def _published(one: PublishedPolicy, words: Translations) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "version": one.version,
        "sha256": one.sha256[:12],
        "at": moment(one.published_at, words),
        "by": one.published_by,
        "active": one.active,
    }


def _steps(report: ReplayReport, words: Translations) -> tuple[VerdictChange, ...]:
    """The transitions, those that change something first."""
    found = [
        VerdictChange(
            before=words(f"verdict.{step.before}") if step.before else words("policy.undecided"),
            after=words(f"verdict.{step.after}"),
            before_tone=step.before or "none",
            after_tone=step.after,
            count=count,
            examples=tuple(report.examples.get(step, ())[:3]),
            changed=bool(step.before) and step.before != step.after,
        )
        for step, count in report.transitions.items()
    ]
    return tuple(sorted(found, key=lambda step: (not step.changed, -step.count)))
