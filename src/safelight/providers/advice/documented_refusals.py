"""Which providers would refuse a request, by their own documents. For a request that names none. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from safelight.core.i18n import Messages
from safelight.policy.findings import Finding

from .provider_rules import Effect, advise, documents


@dataclass(frozen=True, kw_only=True)
class DocumentedRefusals:
    """Names of providers by what they document about the findings. One in neither list documents nothing."""

    refused: tuple[str, ...]
    depends: tuple[str, ...]

    def as_wire(self, messages: Messages) -> dict[str, Any]:
        known, comma = documents(), messages("separator")
        lists = {"refused": self.refused, "depends": self.depends}
        key = "_".join(name for name, listed in lists.items() if listed)
        titles = {name: comma.join(known[one].title for one in listed) for name, listed in lists.items()}
        return {
            "refused": list(self.refused),
            "depends": list(self.depends),
            "text": messages(f"documented.{key}", **titles),
        }


def find_documented_refusals(findings: Iterable[Finding]) -> DocumentedRefusals | None:
    """The providers of which a rule matches a finding; None if there is none.

    Providers that were shut down are left out.
    """
    seen = tuple(findings)
    open_ones = [name for name, document in documents().items() if document.shut_down is None]
    outcomes = {name: advise(name, seen).outcome for name in open_ones} if seen else {}
    refused, depends = (
        tuple(name for name, outcome in outcomes.items() if outcome == effect.value)
        for effect in (Effect.REFUSED, Effect.DEPENDS)
    )
    return DocumentedRefusals(refused=refused, depends=depends) if refused or depends else None
