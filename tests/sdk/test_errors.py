"""Every error of the wire in the official SDKs: which exception it is, and how often it is sent."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from safelight.core import errors
from support.fake_api_server import CARD, Live, live

from .conftest import Sdk

#: What a create meets, the exception it is, its status and code, and how often the SDK sends it.
CASES: dict[str, tuple[Exception, str, int, str, int]] = {
    "malformed": (errors.BadInput("No."), "BadRequestError", 400, "invalid_request", 1),
    "value": (errors.InvalidField("No.", param="size"), "BadRequestError", 400, "invalid_value", 1),
    "key": (errors.Unauthenticated("No."), "AuthenticationError", 401, "invalid_api_key", 1),
    "scope": (errors.Forbidden("No."), "PermissionDeniedError", 403, "permission_denied", 1),
    "standing": (errors.AccountSuspended("No."), "PermissionDeniedError", 403, "account_suspended", 1),
    "rollout": (errors.GateClosed("No."), "PermissionDeniedError", 403, "gate_closed", 1),
    "missing": (errors.NotFound("No."), "NotFoundError", 404, "not_found", 1),
    "state": (errors.Conflict("No."), "ConflictError", 409, "conflict", 1),
    "reused": (errors.IdempotencyKeyReused("No."), "ConflictError", 409, "idempotency_key_reused", 1),
    "gone": (errors.Withdrawn("No."), "APIStatusError", 410, "withdrawn", 1),
    "large": (errors.TooLarge("No."), "APIStatusError", 413, "too_large", 1),
    "quota": (errors.QuotaExceeded("No.", retry_after_s=3600), "RateLimitError", 429, "quota_exceeded", 1),
    "probes": (errors.CheckLimitExceeded("No."), "RateLimitError", 429, "check_limit_exceeded", 1),
    "cool-down": (errors.CoolDown("No."), "RateLimitError", 429, "cool_down", 1),
    "fault": (RuntimeError("a fault of ours"), "InternalServerError", 500, "internal_error", 1),
    "busy": (errors.Unavailable("No.", retry_after_s=0.1), "InternalServerError", 503, "unavailable", 3),
    "halted": (errors.Halted("No."), "InternalServerError", 503, "halted", 1),
    "uncovered": (errors.NotCovered("No.", retry_after_s=0.1), "InternalServerError", 503, "not_covered", 3),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copyfile(sqlite_template, folder / "db.sqlite3")
    with live(folder, folder / "db.sqlite3") as running:
        running.desk.troubles = {f"trouble:{name}": case[0] for name, case in CASES.items()}
        yield running


@pytest.fixture(scope="module")
def seen(server: Live, sdk: Sdk) -> dict[str, Any]:
    before = len(server.desk.requests)
    found = sdk.run(server.url, server.key, "errors", json.dumps([*CASES, CARD]))
    sent = Counter(asked.prompt.removeprefix("trouble:") for asked in server.desk.requests[before:])
    return {name: {**error, "sent": sent[name], "sdk": sdk.name} for name, error in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_each_error_raises_its_exception_and_is_retried_as_expected(seen: dict[str, Any], name: str) -> None:
    _, kind, status, code, times = CASES[name]
    found = seen[name]
    # Statuses without an exception of their own are the common one, which JavaScript calls otherwise.
    kinds = {kind, "APIError"} if kind == "APIStatusError" else {kind}
    assert found["class"] in kinds
    assert (found["status"], found["code"], found["sent"]) == (status, code, times)
    assert found["request_id"].startswith("req_")


def test_a_block_is_sent_once_and_carries_its_details(seen: dict[str, Any]) -> None:
    found = seen[CARD]
    assert (found["class"], found["code"], found["sent"]) == ("BadRequestError", "sentinel_block", 1)
    assert found["body"]["moderation_details"]["moderation_stage"] == "input"
