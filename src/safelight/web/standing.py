"""The services of standing, terms and access, grouped for the routes and pages that need them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from safelight.accounts.access_requests import AccountAccess
from safelight.accounts.standing import Bans, Standings
from safelight.accounts.terms import AccountTerms
from safelight.videos.quota import QuotaReader

from .rate_limit import RateLimiter

#: In an hour. A person asks once; some people share an address.
_REQUESTS_PER_ADDRESS = 5


@dataclass(frozen=True, kw_only=True)
class StandingServices:
    standings: Standings
    bans: Bans
    terms: AccountTerms
    quotas: QuotaReader
    access: AccountAccess
    #: The tenant that people without an account ask for access.
    tenant: Callable[[], str]
    #: For requests for access, in addition to the limit for all people together.
    addresses: RateLimiter = field(default_factory=lambda: RateLimiter(_REQUESTS_PER_ADDRESS, 3600.0))
