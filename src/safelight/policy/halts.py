"""Halts: a person stops a model, a tenant or a category until people have looked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from safelight.core.records import About, Seconds, Shown

from .compiled import compile_policy
from .findings import Finding
from .tenant_policy import TenantPolicy
from .verdicts import Action, Verdict


class HaltKind(StrEnum):
    CATEGORY = "category"
    MODEL = "model"
    TENANT = "tenant"


@dataclass(frozen=True, kw_only=True)
class NewHalt:
    kind: Annotated[str, About(one_of=lambda: HaltKind)]
    target: Annotated[
        str,
        About(
            "A category (with those below it), a model, or the id of a tenant; empty for the own tenant.",
            help="The category (with those below it), the model, or the tenant's id or name.",
            option="target",
        ),
    ]
    reason: Annotated[
        str,
        About("Staff read it, clients do not.", help="Why; staff and the audit log have it, clients not."),
    ]
    expires: Annotated[
        str,
        About("`8h`, `2d`, a day such as `2027-03-31`, or `never`.", help="8h, 2d, a date, or never."),
    ] = "never"


@dataclass(frozen=True, kw_only=True)
class Halt(Shown):
    id: str
    kind: HaltKind
    target: str
    #: Whose it is, and to whom it applies. None: it is the operator's, and applies to every tenant.
    tenant: str | None
    reason: str
    created_by: str
    created_at: Seconds
    #: None: it does not end by itself.
    ends_at: Seconds | None = None

    def covers(self, names: Collection[str | None], categories: Collection[str]) -> bool:
        """Whether it covers a video with these names (model, tenant) and categories."""
        if self.kind is HaltKind.CATEGORY:
            return any(f"{one}/".startswith(f"{self.target}/") for one in categories)
        return self.target in names


def flagged_categories(policy: TenantPolicy, verdict: Verdict, findings: Sequence[Finding]) -> frozenset[str]:
    """The categories of those findings of a verdict that the policy labels, holds or blocks."""
    context = policy.context(verdict.stage, audience=verdict.audience, consents=verdict.consents)
    compiled = compile_policy(policy.policy, policy.taxonomy, context)
    return frozenset(
        name
        for matched in compiled.matching_rules(findings)
        if matched.action is not Action.ALLOW
        for name in (
            matched.rule.category,
            *(one.category for one in compiled.matched_findings(matched, findings)),
        )
    )
