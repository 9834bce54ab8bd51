"""The page Compliance: links to the pages of staff."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from safelight.accounts import OPERATOR, KeyScope, Principal
from safelight.accounts.halts import WRITERS
from safelight.cases.vault import COUNTERS
from safelight.cases.vault_alerts import PATH
from safelight.core.errors import SafelightError
from safelight.policy.halts import NewHalt

from .render import PageHandler, input_of

#: Message key, path, and the scopes of which a person needs one.
_TOPICS: tuple[tuple[str, str, tuple[KeyScope, ...]], ...] = (
    ("decided", "/review?state=closed", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("quality", "/review/quality", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("standings", "/review/standings", (KeyScope.REVIEW,)),
    ("consents", "/consents", (KeyScope.VIDEOS_READ,)),
    ("terms", "/compliance/accounts", (KeyScope.ADMIN,)),
    ("access", "/compliance/access", (KeyScope.ADMIN,)),
    ("rollout", "/compliance/rollout", (KeyScope.ADMIN, KeyScope.POLICY, KeyScope.AUDIT)),
    ("incidents", "/compliance/incidents", (KeyScope.ADMIN, KeyScope.POLICY, KeyScope.AUDIT)),
    ("vault", PATH, COUNTERS),
    ("people", "/settings/people", (KeyScope.PEOPLE,)),
    ("log", "/compliance/log", (KeyScope.AUDIT, KeyScope.POLICY)),
    ("policy", "/policy", (KeyScope.POLICY, KeyScope.AUDIT)),
    ("coverage", "/coverage", (KeyScope.VIDEOS_READ, KeyScope.AUDIT)),
    ("own", "/account/standing", (KeyScope.VIDEOS_READ,)),
)


class CompliancePages(PageHandler):
    refusals = (SafelightError,)

    async def halt(self, request: Request, principal: Principal) -> Response:
        """Set a halt, or end the one that the button names."""
        form, halts = await self.read_form(request), self.services.halts
        if halt_id := form.get("end"):
            await self.run(halts.end, principal, halt_id)
        else:
            await self.run(halts.create, principal, input_of(NewHalt, form))
        return self.redirect("/compliance")

    async def show(self, request: Request, principal: Principal) -> Response:
        may_halt, may_count = principal.has_one_of(WRITERS), principal.has_one_of(COUNTERS)
        standing, is_admin = self.services.standing, principal.has_scope(KeyScope.ADMIN)
        return await self.render_page(
            request,
            "compliance.html",
            principal,
            topics=[
                topic
                for topic in _offered(principal)
                if topic[0] != "rollout" or self.services.gates is not None
            ],
            halts=await self.run(self.services.halts.list, principal) if may_halt else None,
            is_operator=principal.id == OPERATOR,
            vault=await self.run(self.services.vault.count, principal) if may_count else None,
            waiting=await self.run(standing.access.count_waiting, principal) if standing and is_admin else 0,
        )


def _offered(principal: Principal) -> Iterator[tuple[str, str]]:
    """Message key and path of each page that this person may open."""
    for name, path, scopes in _TOPICS:
        if principal.has_one_of(scopes):
            yield name, path
