"""Records and columns follow the annotations of the record."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table

from safelight.accounts import Role
from safelight.accounts.access_requests import AccessRequest
from safelight.accounts.gates import GateState
from safelight.accounts.standing.models import Ban, Strike
from safelight.accounts.terms import Terms
from safelight.store.rows import read_record, stored_columns
from safelight.store.tables import access_requests, account_terms, bans, gates, pending_decisions, strikes
from safelight.videos.case_rows import Decision, DecisionAction, PendingDecision

COLUMNS: dict[str, Any] = {
    "id": "decision_1",
    "case_id": "case_1",
    "video_id": "video_1",
    "action": "refuse",
    "reason": "A fight.",
    "clause": None,
    "facts": None,
    "reply": {"name": "blow", "en": "A blow was shown.", "zh_hans": "", "zh_hant": ""},
    "decided_by": "user_1",
    "at": 2.5,
    "verdict_ids": ["verdict_1"],
    "role": "reviewer",
    "bulk_id": None,
}


def row(**columns: Any) -> Any:
    return SimpleNamespace(**COLUMNS | columns)


def test_enums_lists_null_and_the_tenant_are_converted_both_ways() -> None:
    decision = read_record(Decision, row())
    assert (decision.action, decision.role) == (DecisionAction.REFUSE, Role.REVIEWER)
    assert decision.verdict_ids == ("verdict_1",)
    assert read_record(Decision, row(role=None)).role is None
    assert stored_columns(decision, pending_decisions) == COLUMNS


def test_a_record_in_a_record_is_read_from_the_same_row() -> None:
    pending = read_record(PendingDecision, row(tenant_id="acme", due_at=3.0, conflict=None))
    assert (pending.tenant, pending.decision) == ("acme", read_record(Decision, row()))


@pytest.mark.parametrize(
    ("record", "table"),
    [
        (Ban, bans),
        (Strike, strikes),
        (AccessRequest, access_requests),
        (GateState, gates),
        (Terms, account_terms),
    ],
)
@given(data=st.data())
def test_a_record_of_columns_comes_back_as_it_was_stored(record: type[Any], table: Table, data: Any) -> None:
    stored = data.draw(st.builds(record))
    columns = SimpleNamespace(**stored_columns(stored, table))
    assert repr(read_record(record, cast(Any, columns))) == repr(stored)
