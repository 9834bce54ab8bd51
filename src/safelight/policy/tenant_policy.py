"""The policy, waivers and facts of one tenant. They are read once per step and passed on as a value."""

from __future__ import annotations

from dataclasses import dataclass

from .documents import Policy
from .findings import Stage, Taxonomy
from .verdicts import Audience, Context, WaiverTerms


@dataclass(frozen=True, kw_only=True)
class TenantPolicy:
    """The rules for evaluating one tenant's content, as they were in force when they were read."""

    #: Empty for an evaluation without a tenant, which has no waivers and no enrolled people.
    tenant: str
    taxonomy: Taxonomy
    policy: Policy
    waivers: tuple[WaiverTerms, ...] = ()
    #: Facts for `unless: context` in policies, as the operator configured them.
    facts: frozenset[str] = frozenset()
    #: Whether the safety test card counts in the prompt. A card in a picture or in sound always counts: the
    #: search for brief appearances skips frames with it, so it must not pass there unnoticed.
    test_card: bool = True

    def context(
        self, stage: Stage, *, audience: Audience = Audience.GENERAL, consents: tuple[str, ...] = ()
    ) -> Context:
        return Context(
            stage=stage, audience=audience, consents=consents, waivers=self.waivers, facts=self.facts
        )
