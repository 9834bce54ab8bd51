"""Statements in the database: recorded with their decision, never changed, erased with the video."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from safelight.accounts.statements import (
    OBJECTION_S,
    DecisionGround,
    GroundBasis,
    NewStatement,
    Objection,
    Statement,
    StatementKind,
    StatementSource,
    erase_reasons,
    record_statement,
    statement_from_row,
)
from safelight.policy.findings import Stage
from safelight.store.database import Database
from safelight.store.tables import audit_log, statements

TENANT = "tenant_a"
NEW = NewStatement(
    kind=StatementKind.BLOCKED,
    source=StatementSource.POLICY,
    ground=DecisionGround(
        basis=GroundBasis.CATEGORY,
        group="violence",
        category="violence/graphic",
        policy="starter@1",
        rule="graphic_violence",
        reason="Words that ask for an open wound.",
    ),
    automated_detection=True,
    automated_decision=True,
    account="key_1",
    end_user="user-7",
    video_id="video_1",
    stage=Stage.PROMPT,
)


def recorded(database: Database, new: NewStatement = NEW) -> Statement:
    with database.transaction(TENANT) as tx:
        return record_statement(tx, new)


def stored(database: Database) -> Statement:
    with database.read_transaction(TENANT) as tx:
        (row,) = tx.select(statements)
    return statement_from_row(row)


def test_a_statement_is_read_as_it_was_recorded_and_never_changed(database: Database) -> None:
    made = recorded(database)
    assert stored(database) == made
    for column, value in (("kind", "withdrawn"), ("rule", "other"), ("until", 1.0), ("end_user", None)):
        with pytest.raises(IntegrityError), database.transaction(TENANT) as tx:
            tx.update(statements, statements.c.id == made.id, **{column: value})
    assert stored(database) == made


def test_an_appeal_is_possible_for_six_months_and_only_where_the_statement_offers_it(
    database: Database,
) -> None:
    made = recorded(database)
    assert made.objection_until == made.at + OBJECTION_S
    for objection in set(Objection) - {Objection.APPEAL}:
        assert recorded(database, replace(NEW, objection=objection)).objection_until is None


def test_a_statement_exists_only_if_its_decision_is_committed(database: Database) -> None:
    def interrupted() -> None:
        with database.transaction(TENANT) as tx:
            record_statement(tx, NEW)
            raise InterruptedError

    with pytest.raises(InterruptedError):
        interrupted()
    with database.read_transaction(TENANT) as tx:
        assert not tx.select(statements)
        assert not tx.select(audit_log)


def test_a_deleted_video_takes_the_words_of_the_reason_with_it_and_leaves_the_rule(
    database: Database,
) -> None:
    made = recorded(database)
    with database.transaction(TENANT) as tx:
        assert erase_reasons(tx, "video_1") == 1
        assert erase_reasons(tx, "video_1") == 0
    kept = stored(database)
    assert kept.erased_at is not None
    assert kept.content == replace(NEW, ground=replace(NEW.ground, reason=""))
    assert kept.at == made.at


def test_a_statement_needs_somebody_to_address(database: Database) -> None:
    with pytest.raises(ValueError, match="addresses"):
        recorded(database, replace(NEW, account=None, end_user=None))
