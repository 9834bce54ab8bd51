"""The policies that a command measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from safelight.app.container import Container
    from safelight.policy.documents import Policy


PolicyName = Annotated[
    str, typer.Option("--policy", help="The policy to evaluate. [default: policy in force]")
]

AskPeers = Annotated[
    bool,
    typer.Option("--peers", help="Also run a word checker, LiteLLM's content filter and better-profanity."),
]


def load_policies(container: Container, names: Sequence[str]) -> dict[str, Policy]:
    """The named policies; without names, the policy in force, or that of the settings if there is no data."""
    from safelight.policy.documents import load

    if names:
        return {name: load(name, container.core.taxonomy) for name in names}
    settings = container.core.settings
    if settings.data.exists() or settings.storage.database is not None:
        chosen = container.persistence.active_policy(container.persistence.tenant)
    else:
        chosen = container.core.configured_policy
    return {chosen.name: chosen}
