"""Writes the table of error rules of the client from the rules of the server package.

Run it after a change of `safelight.generation.provider_errors`: python tests/client/error_rules.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safelight.generation.protocol import ChargeStatus
from safelight.generation.provider_errors import safelight
from safelight.generation.provider_errors.model import ErrorKind, ProviderRetry
from safelight.generation.provider_errors.registry import FIRST, everybody, load_rules
from safelight.generation.provider_errors.rules import ErrorRule, Provider
from safelight.generation.videos_api import responses

TABLE = (
    Path(__file__).resolve().parents[2]
    / "clients" / "python" / "src" / "safelight_client" / "error_rules.json"
)  # fmt: skip
#: Providers whose rules apply without a sign of the provider: the shapes of `/v1/videos` servers.
_SERVERS = frozenset({"openai", "self_hosted", "relay", ""})
#: The source of a charge where the text itself states that the request was not accepted.
_NOT_TAKEN = "not taken"
#: Kinds of errors with which a server refuses a request before it makes anything.
_REFUSED = frozenset({"rate_limit", "quota", "auth", "invalid_request"})


def table() -> dict[str, Any]:
    """The whole table."""
    pairs = [
        (provider, rule) for provider in everybody() for rule in provider.rules if _applies(provider, rule)
    ]
    # As in the server package: blocks first, and rules on the HTTP status alone last.
    pairs.sort(key=lambda pair: (not (pair[1].fields or pair[1].text), not _is_block(pair[1])))
    return {
        "statuses": {word: state.value for word, state in responses._STATES.items()},
        "codes": {code: kind.value for code, kind in safelight._CODES.items()},
        "rules": [dict(_row(rule)) for _, rule in pairs],
    }


def _is_block(rule: ErrorRule) -> bool:
    return rule.kind is ErrorKind.CONTENT_BLOCK


def _holds_for_any_server(rule: ErrorRule) -> bool:
    """Whether the charge of a rule does not depend on the prices of one provider, or on own hardware."""
    if rule.charged is not ChargeStatus.NO:
        return _is_block(rule) and rule.charged is ChargeStatus.YES
    if _is_block(rule):
        return rule.stage.value == "input"
    return rule.kind.value in _REFUSED or _states_that_it_was_not_accepted(rule)


def _states_that_it_was_not_accepted(rule: ErrorRule) -> bool:
    passes = rule.kind is ErrorKind.TRANSIENT and rule.retry is not ProviderRetry.NEVER
    return passes and rule.charge_source == _NOT_TAKEN


def _applies(provider: Provider, rule: ErrorRule) -> bool:
    if rule.empty_lists:
        return False
    if not rule.text:
        return rule.anywhere or provider.name in _SERVERS
    # Sentences only for blocks, which must never be sent again, and for requests that were not accepted.
    # A quota that begins anew is told from one that does not by its sentence.
    is_quota_of_time = provider is load_rules(FIRST) and rule.kind is ErrorKind.RATE_LIMIT
    is_needed = _is_block(rule) or _states_that_it_was_not_accepted(rule) or is_quota_of_time
    return is_needed and (rule.anywhere or provider.name in _SERVERS)


def _row(rule: ErrorRule) -> Iterator[tuple[str, Any]]:
    yield "id", rule.id
    yield "kind", rule.kind.value
    if rule.stage.value != "unknown":
        yield "stage", rule.stage.value
    if rule.fields:
        yield "fields", dict(rule.fields)
    if rule.text:
        yield "text", rule.text
    if rule.status:
        yield "status", sorted(rule.status)
    if rule.charged is not None and _holds_for_any_server(rule):
        yield "charged", rule.charged.value
    if rule.retry is not None and rule.retry.value != "unknown":
        yield "retry", rule.retry.value


def rendered() -> str:
    """The file's content: one rule per line."""
    document = table()
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in document.pop("rules"))
    head = json.dumps(document, ensure_ascii=False, indent=1)[:-2]
    return f'{head},\n "rules": [\n{rows}\n]}}\n'


if __name__ == "__main__":
    TABLE.write_text(rendered(), encoding="utf-8")
