"""Waivers: recorded decisions of named persons to run without part of the mandatory coverage."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from safelight.core.records import About, Seconds, Shown

from .findings import Taxonomy
from .verdicts import WaiverTerms

#: As a category of a waiver: the whole mandatory set.
EVERYTHING = "*"
#: The name of the waiver that `make run` records. It is valid on a loopback address only.
DEMO = "demo"


@dataclass(frozen=True, kw_only=True)
class NewWaiver:
    """A waiver that is not recorded yet."""

    name: Annotated[str, About(help="A name for the waiver, such as no-gore-model.", option="name")]
    #: The name or address of the person who decided on the waiver.
    decided_by: Annotated[str, About(help="The person who decides this.", option="--by")]
    reason: Annotated[str, About(help="Why it is acceptable to run without these checks.")]
    #: The waived categories of the policy. `*` means every required category.
    categories: Annotated[
        Iterable[str],
        About(help="A waived category; repeatable; * for all mandatory ones.", option="--category"),
    ]
    #: When the waiver expires. None: never.
    expires_at: float | None = None
    loopback_only: Annotated[
        bool, About(help="Valid only while the server listens on a loopback address.")
    ] = False
    #: The tenant of the waiver. None: it applies to every tenant.
    tenant: str | None = None


@dataclass(frozen=True, kw_only=True)
class WaiverRecord(Shown):
    """What is stored of a waiver and shown. Times are in seconds since 1970, UTC."""

    id: str
    #: The name that the operator chose for the waiver; unique among the valid waivers.
    name: str
    #: The person who decided: a name or an address.
    decided_by: str
    reason: str
    categories: tuple[str, ...]
    created_at: Seconds
    expires_at: Seconds | None = None
    #: Valid only while the server listens on a loopback address.
    loopback_only: bool = False
    revoked_at: Seconds | None = None
    revoked_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class Waiver(WaiverRecord):
    def in_force(self, now: float, *, loopback: bool) -> bool:
        """Whether the waiver is valid now; `loopback`: the server listens on a loopback address."""
        return (
            # `created_at` does not count: it is in the future after the clock of the system went back.
            self.revoked_at is None
            and (self.expires_at is None or now < self.expires_at)
            and (loopback or not self.loopback_only)
        )

    @property
    def terms(self) -> WaiverTerms:
        return WaiverTerms(id=self.id, name=self.name, categories=self.categories)


def waived_categories(categories: Iterable[str], taxonomy: Taxonomy) -> tuple[str, ...]:
    """The categories that a waiver with these entries covers: `*` means the mandatory set."""
    wanted = set(categories)
    return tuple(
        sorted(wanted - {EVERYTHING} | (taxonomy.mandatory if EVERYTHING in wanted else frozenset()))
    )


def covers(terms: WaiverTerms, category: str, taxonomy: Taxonomy) -> bool:
    """Whether this waiver covers the category. `*` means the mandatory set only."""
    return category in terms.categories or (EVERYTHING in terms.categories and category in taxonomy.mandatory)


def applicable_waivers(
    waivers: Iterable[WaiverTerms], category: str, taxonomy: Taxonomy
) -> tuple[WaiverTerms, ...]:
    """The waiver that covers the category; empty if there is none.

    If several waivers cover it, the first one by name.
    """
    found = sorted(
        (terms for terms in waivers if covers(terms, category, taxonomy)), key=lambda terms: terms.name
    )
    return tuple(found[:1])
