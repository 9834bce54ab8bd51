"""The navigation items of the page header."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.trust.accounts import KeyScope, Principal


@dataclass(frozen=True, kw_only=True)
class NavItem:
    key: str
    href: str
    #: True if this item leads to the page that is open now.
    current: bool
    #: Number of cases that wait for a decision; 0 is not shown.
    count: int = 0


#: Number of items that a narrow screen shows; the others are in a menu.
NAV_NARROW = 4
#: The items that a wide screen shows; the others are in a menu.
_WIDE = frozenset({"studio", "videos", "review", "verify", "settings", "compliance"})

#: Message key, path and scopes of each item. A person needs one of the scopes; without scopes the page is
#: public.
_NAV_ITEMS: tuple[tuple[str, str, tuple[KeyScope, ...]], ...] = (
    ("studio", "/", (KeyScope.VIDEOS_READ,)),
    ("videos", "/videos", (KeyScope.VIDEOS_READ,)),
    ("review", "/review", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("verify", "/verify", ()),
    ("settings", "/settings", (KeyScope.ADMIN,)),
    ("compliance", "/compliance", (KeyScope.VIDEOS_READ, KeyScope.AUDIT)),
    ("advice", "/advice", (KeyScope.CHECKS,)),
    ("templates", "/templates", (KeyScope.VIDEOS_READ,)),
    ("attempts", "/attempts", (KeyScope.VIDEOS_READ,)),
    ("explain_error", "/explain-error", ()),
    ("coverage", "/coverage", (KeyScope.VIDEOS_READ, KeyScope.AUDIT)),
    ("policy", "/policy", (KeyScope.POLICY, KeyScope.AUDIT)),
)


def nav_items(
    principal: Principal | None, path: str, waiting_cases: int, *, compliance_menu: bool = False
) -> tuple[NavItem, ...]:
    """The items for pages that this person may open. Without a session, only the public pages.

    `compliance_menu`: show the item Compliance to every person.
    """
    items = []
    for key, href, scopes in _NAV_ITEMS:
        if scopes and (principal is None or not any(principal.has_scope(scope) for scope in scopes)):
            continue
        if key == "compliance" and not (compliance_menu or _needs_compliance(principal)):
            continue
        current = path == href or (href != "/" and path.startswith(f"{href}/"))
        items.append(
            NavItem(key=key, href=href, current=current, count=waiting_cases if key == "review" else 0)
        )
    return tuple(items)


def count_wide(items: tuple[NavItem, ...]) -> int:
    """How many of the first items a wide screen shows."""
    return max(NAV_NARROW, sum(item.key in _WIDE for item in items))


def _needs_compliance(principal: Principal | None) -> bool:
    """Whether the work of this person is review or audit: their role cannot request videos."""
    return principal is not None and not principal.has_scope(KeyScope.VIDEOS_WRITE)
