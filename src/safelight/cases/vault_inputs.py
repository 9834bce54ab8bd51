"""Inputs of operations of the vault officer. Without a dependency: commands make options of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from safelight.core.records import About

from .inputs import Reason


def _decisions() -> Iterable[str]:
    from safelight.videos.vault_entries import DECISIONS

    return sorted({one for possible in DECISIONS.values() for one in possible})


@dataclass(frozen=True, kw_only=True)
class VaultDecisionRequest:
    decision: Annotated[
        Annotated[str, About(one_of=_decisions)],
        About(
            "`reported` is for vaulted content, `confirmed` for quarantined content.",
            help="reported or dismissed (vaulted); confirmed or dismissed (quarantined).",
            option="decision",
        ),
    ]
    note: Annotated[
        Reason,
        About(
            "Such as the number of the report. Nothing of the content.",
            help="Such as the number of the report to the authority; nothing of the content.",
        ),
    ] = ""


@dataclass(frozen=True, kw_only=True)
class VaultQuery:
    closed: Annotated[
        bool, About("The entries that were decided.", help="The entries that were decided.")
    ] = False
    after: Annotated[
        str | None, About("The last id of the page before.", help="The last id that you read.")
    ] = None
