"""Every route of an app with what it declares to need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute

from safelight.web.auth import ACCESS_ATTRIBUTE, Access


@dataclass(frozen=True)
class DeclaredRoute:
    method: str
    path: str
    #: None if the route declares nothing.
    access: Access | None


def declared_routes(app: Any) -> tuple[DeclaredRoute, ...]:
    """The routes in a fixed order, without the `HEAD` that comes with each `GET`."""
    found = (
        DeclaredRoute(method, route.path, _access(route))
        for route in _all_routes(app.routes)
        for method in sorted(route.methods - {"HEAD"})
    )
    return tuple(sorted(found, key=lambda route: (route.path, route.method)))


def _all_routes(routes: Iterable[Any]) -> Iterator[Any]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _all_routes(route.original_router.routes)
        else:
            yield route


def _access(route: Any) -> Access | None:
    candidates = [route.endpoint]
    if isinstance(route, APIRoute):
        candidates += [each.call for each in route.dependant.dependencies]
    found = [getattr(each, ACCESS_ATTRIBUTE) for each in candidates if hasattr(each, ACCESS_ATTRIBUTE)]
    assert len(found) < 2, f"{route.path} declares its access {len(found)} times"
    return found[0] if found else None
