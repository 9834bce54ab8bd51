"""The context in which the files of a request are screened: policy, texts and earlier findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from safelight.policy.findings import Finding
from safelight.policy.intended_use import VideoRequester
from safelight.policy.verdicts import Audience

from .tenant_policy import TenantPolicy


@dataclass(frozen=True, kw_only=True)
class ScreeningContext:
    """Everything that the evaluation of a file depends on, except the file itself."""

    policy: TenantPolicy
    #: Texts of the request by field. They are evaluated together with picture and sound.
    texts: Mapping[str, str] = field(default_factory=dict)
    #: Findings in `texts`, and findings that the request inherits from its sources.
    prior: tuple[Finding, ...] = ()
    #: Findings that a reviewer approved. They cannot hold the content again.
    approved: tuple[Finding, ...] = ()
    #: Findings that a successful appeal overturned. They are ignored.
    overturned: tuple[Finding, ...] = ()
    audience: Audience = Audience.GENERAL
    #: Who requests the video and for what, which a consent may be limited to.
    requester: VideoRequester = field(default_factory=VideoRequester)
    #: Texts that the generator writes into every clip by itself.
    generator_texts: tuple[str, ...] = ()
