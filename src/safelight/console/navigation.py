"""Where a person may go from every page."""

from __future__ import annotations

from dataclasses import dataclass

from safelight.trust.accounts import KeyScope, Principal


@dataclass(frozen=True, kw_only=True)
class NavItem:
    key: str
    href: str
    #: It leads to the page that is open.
    here: bool
    #: How many wait there; 0 is not shown.
    count: int = 0


#: Key of the word, path, and the scopes of which one is needed; none: everybody may.
_WAYS: tuple[tuple[str, str, tuple[KeyScope, ...]], ...] = (
    ("studio", "/", (KeyScope.VIDEOS_READ,)),
    ("videos", "/videos", (KeyScope.VIDEOS_READ,)),
    ("review", "/review", (KeyScope.REVIEW, KeyScope.VAULT)),
    ("verify", "/verify", ()),
    ("decode", "/decode", ()),
    ("coverage", "/coverage", (KeyScope.VIDEOS_READ,)),
    ("policy", "/policy", (KeyScope.POLICY,)),
    ("settings", "/settings", (KeyScope.ADMIN,)),
)


def nav_items(principal: Principal | None, path: str, waiting: int) -> tuple[NavItem, ...]:
    """The pages this person may open; a stranger's are those that need no account."""
    found = []
    for key, href, scopes in _WAYS:
        if scopes and (principal is None or not any(principal.has_scope(scope) for scope in scopes)):
            continue
        inside = path == href or (href != "/" and path.startswith(f"{href}/"))
        found.append(NavItem(key=key, href=href, here=inside, count=waiting if key == "review" else 0))
    return tuple(found)
