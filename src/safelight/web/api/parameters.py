"""Parameters that routes have in common: the app, the caller by scope, and the fields of a small body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from safelight.accounts import KeyScope, Principal
from safelight.web.auth import AppState, app_state, requires
from safelight.web.create_request import require_writable
from safelight.web.request_body import optional_identifier, read_body

Admin = Annotated[Principal, Depends(requires(KeyScope.ADMIN))]
Checker = Annotated[Principal, Depends(requires(KeyScope.CHECKS))]
Reader = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_READ))]
Reviewer = Annotated[Principal, Depends(requires(KeyScope.REVIEW))]
Writer = Annotated[Principal, Depends(requires(KeyScope.VIDEOS_WRITE))]


async def read_app(request: Request) -> AppState:
    """The state of the app. A coroutine, because FastAPI runs other functions in a thread."""
    return app_state(request)


App = Annotated[AppState, Depends(read_app)]


async def read_fields(request: Request) -> dict[str, Any]:
    """The fields of a body, for a route that takes no files."""
    async with read_body(request, app_state(request).services) as body:
        return body.fields


def read_end_user(fields: Mapping[str, Any]) -> str | None:
    """The end user in whose place a key calls: `safety_identifier`."""
    end_user = optional_identifier(fields, "safety_identifier")
    require_writable(end_user or "", "safety_identifier")
    return end_user
