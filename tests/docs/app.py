"""The app with a fake service, for inspection only; it is never served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safelight.app.asgi import build_app
from safelight.policy.findings import SHIPPED
from safelight.web.console.services import ConsoleServices
from safelight.web.services import Services
from support.fake_api_server import Desk, Shelf


def app() -> Any:
    return build_app(
        Services(
            videos=Desk(),  # type: ignore[arg-type]
            readiness=dict,
            accounts=None,  # type: ignore[arg-type]
            moderation=None,  # type: ignore[arg-type]
            reviews=None,  # type: ignore[arg-type]
            bulk=None,  # type: ignore[arg-type]
            review_queue=None,  # type: ignore[arg-type]
            case_events=None,  # type: ignore[arg-type]
            quality=None,  # type: ignore[arg-type]
            quality_results=None,  # type: ignore[arg-type]
            check_figures=None,  # type: ignore[arg-type]
            reports=None,  # type: ignore[arg-type]
            appeals=None,  # type: ignore[arg-type]
            saved_replies=None,  # type: ignore[arg-type]
            incidents=None,  # type: ignore[arg-type]
            halts=None,  # type: ignore[arg-type]
            vault=None,  # type: ignore[arg-type]
            tenant_log=None,  # type: ignore[arg-type]
            statements=None,  # type: ignore[arg-type]
            webhooks=None,  # type: ignore[arg-type]
            attempts=None,  # type: ignore[arg-type]
            drift=None,  # type: ignore[arg-type]
            templates=None,  # type: ignore[arg-type]
            library=None,  # type: ignore[arg-type]
            waivers=lambda: (),
            taxonomy=SHIPPED,
            generators={"shelf": Shelf()},
            scratch=Path("scratch"),
            version="0",
        ),
        ConsoleServices(),
    )
