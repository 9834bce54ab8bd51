"""Reads and writes webhook endpoints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from safelight.store.tables import webhook_endpoints
from safelight.store.transaction import Transaction

from .models import EventType, RegisteredEndpoint, Secret


def add(tx: Transaction, made: RegisteredEndpoint) -> None:
    tx.insert(
        webhook_endpoints,
        id=made.id,
        name=made.name,
        url=made.url,
        events=[event.value for event in made.events],
        secrets=encode_secrets(made.secrets),
        created_at=made.created_at,
        updated_at=made.updated_at,
    )


def encode_secrets(secrets: Iterable[Secret]) -> list[dict[str, Any]]:
    return [{"value": secret.value, "expires_at": secret.expires_at} for secret in secrets]


def endpoint_from_row(row: Row[Any]) -> RegisteredEndpoint:
    return RegisteredEndpoint(
        id=row.id,
        tenant=row.tenant_id,
        name=row.name,
        url=row.url,
        events=tuple(EventType(event) for event in row.events),
        secrets=tuple(
            Secret(value=secret["value"], expires_at=secret["expires_at"]) for secret in row.secrets
        ),
        created_at=row.created_at,
        updated_at=row.updated_at,
        disabled_at=row.disabled_at,
        failing_since=row.failing_since,
        failures=row.failures,
        last_status=row.last_status,
        last_error=row.last_error,
        last_success_at=row.last_success_at,
    )
