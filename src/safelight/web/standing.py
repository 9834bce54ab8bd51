"""The services of standing, terms, ledger and access, grouped for the routes and pages that need them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from safelight.trust.accounts.access import AccountAccess
from safelight.trust.accounts.terms import AccountTerms
from safelight.trust.ledger import Ledger
from safelight.trust.standing import Bans, Standings


@dataclass(frozen=True, kw_only=True)
class StandingServices:
    standings: Standings
    bans: Bans
    terms: AccountTerms
    ledger: Ledger
    access: AccountAccess
    #: The tenant that people without an account ask for access.
    tenant: Callable[[], str]
