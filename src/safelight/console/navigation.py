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


#: Number of items that a narrow screen shows, and a wide one; the others are in a menu.
NAV_NARROW = 4
NAV_WIDE = 6

#: Message key, path and scopes of each item. A person needs one of the scopes; without scopes the page is
#: public.
_NAV_ITEMS: tuple[tuple[str, str, tuple[KeyScope, ...]], ...] = (
    ("studio", "/", (KeyScope.VIDEOS_READ,)),
    ("videos", "/videos", (KeyScope.VIDEOS_READ,)),
    ("review", "/review", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("verify", "/verify", ()),
    ("advice", "/advice", (KeyScope.CHECKS,)),
    ("settings", "/settings", (KeyScope.ADMIN,)),
    ("templates", "/templates", (KeyScope.VIDEOS_READ,)),
    ("attempts", "/attempts", (KeyScope.VIDEOS_READ,)),
    ("explain_error", "/explain-error", ()),
    ("coverage", "/coverage", (KeyScope.VIDEOS_READ,)),
    ("policy", "/policy", (KeyScope.POLICY,)),
)


def nav_items(principal: Principal | None, path: str, waiting_cases: int) -> tuple[NavItem, ...]:
    """The items for pages that this person may open. Without a session, only the public pages."""
    items = []
    for key, href, scopes in _NAV_ITEMS:
        if scopes and (principal is None or not any(principal.has_scope(scope) for scope in scopes)):
            continue
        current = path == href or (href != "/" and path.startswith(f"{href}/"))
        items.append(
            NavItem(key=key, href=href, current=current, count=waiting_cases if key == "review" else 0)
        )
    return tuple(items)
