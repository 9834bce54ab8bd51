"""What the pages need beside the services of the wire; a part that is None is not offered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from safelight.policy.documents import Policy
    from safelight.policy.replay import ReplayRecord
    from safelight.provenance.models import Verification
    from safelight.trust.accounts import Principal
    from safelight.trust.policies import Policies
    from safelight.trust.reviews import CaseFile


@dataclass(frozen=True, kw_only=True)
class PolicyServices:
    published: Policies
    #: The policy in force for a tenant.
    in_force: Callable[[str], Policy]
    #: Everything judged so far for a tenant, to replay a policy over.
    history: Callable[[str], Iterable[ReplayRecord]]


@dataclass(frozen=True, kw_only=True)
class ConsoleServices:
    #: What is known of a file, the registry asked too. The file is opened in a child.
    verify: Callable[[Path], Verification] | None = None
    policies: PolicyServices | None = None
    #: A small grey picture of what a case is about, as WebP. The look is put on the record before it.
    reveal: Callable[[Principal, CaseFile], bytes] | None = None
    #: The settings in force, by section; secrets may still be in it.
    settings: Callable[[], Mapping[str, Any]] | None = None
    #: Unix seconds, by the clock that expiries and due times are set by.
    clock: Callable[[], float] = time.time
    #: Where this gateway is reached, for examples.
    address: str = ""
