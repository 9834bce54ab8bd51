"""What the files of a request are screened with: the policy, the request's texts and earlier findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from safelight.policy.findings import Finding
from safelight.policy.verdicts import Audience

from .tenant_policy import TenantPolicy


@dataclass(frozen=True, kw_only=True)
class ScreeningContext:
    """Everything that an evaluation of a file depends on, except the file."""

    policy: TenantPolicy
    #: Texts of the request by field. Text, picture and sound are evaluated together.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Findings of `texts`, and findings that the request inherits.
    prior: tuple[Finding, ...] = ()
    #: Findings that a reviewer accepted earlier: they cannot hold the content again.
    approved: tuple[Finding, ...] = ()
    #: Findings that a successful appeal overturned.
    overturned: tuple[Finding, ...] = ()
    audience: Audience = Audience.GENERAL
