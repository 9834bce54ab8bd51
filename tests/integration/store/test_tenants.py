"""No method of a transaction reads, changes or removes another tenant's row, on any table."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Boolean, Double, Integer, LargeBinary, Table, select
from sqlalchemy.exc import IntegrityError

from safelight.store.database import Database, Transaction
from safelight.store.tables import (
    attempts,
    audit_log,
    metadata,
    tenants,
    videos,
    waivers,
)
from safelight.store.tables.types import Json
from safelight.store.tenant_scope import ScopeViolation, tenant_column

pytestmark = pytest.mark.both_databases

TABLES = [table for table in metadata.sorted_tables if tenant_column(table) is not None]
each_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)


def row(table: Table, mark: str) -> dict[str, Any]:
    """Values for every column but the tenant's, different for different marks."""
    kinds = {
        Json: [mark],
        Boolean: False,
        Integer: sum(mark.encode()),
        Double: 1.5,
        LargeBinary: mark.encode(),
    }
    return {
        column.key: next((value for kind, value in kinds.items() if isinstance(column.type, kind)), mark)
        for column in table.c
        if column is not tenant_column(table)
    }


def fill(database: Database, table: Table, tenant: str) -> None:
    with database.transaction(tenant) as tx:
        if table is attempts:
            tx.insert(videos, **{**row(videos, tenant), "id": tenant})
        tx.insert(table, **row(table, tenant))


@each_table
def test_rows_of_another_tenant_are_invisible(database: Database, table: Table) -> None:
    fill(database, table, "acme")
    fill(database, table, "other")
    own = tenant_column(table)
    assert own is not None
    theirs = [column == "acme" for column in table.primary_key.columns if column is not own]
    theirs = [condition for condition in theirs if not isinstance(condition.left.type, Integer)]
    with database.transaction("other") as tx:
        assert {getattr(found, own.key) for found in tx.select(table)} == {"other"}
        assert tx.count(table) == 1
        assert tx.one(table) is not None
        if theirs:
            assert tx.select(table, *theirs) == []
            assert tx.one(table, *theirs) is None
            assert tx.count(table, *theirs) == 0
        changeable = [column.key for column in table.c if not column.primary_key and column is not own]
        if changeable:
            # The last column: a trigger protects the others of a statement.
            assert tx.update(table, **{changeable[-1]: getattr(tx.one(table), changeable[-1])}) == 1
        assert tx.execute(select(table).where(*tx.tenant_condition(table))).one() == tx.one(table)
        assert tx.delete(table) == 1
    with database.read_transaction("acme") as tx:
        assert tx.count(table) == 1


@each_table
def test_a_row_cannot_be_written_for_another_tenant(database: Database, table: Table) -> None:
    own = tenant_column(table)
    values = {**row(table, "x"), own.key: "acme"}
    with database.transaction("other") as tx:
        for write in (tx.insert, tx.insert_or_ignore):
            with pytest.raises(ScopeViolation):
                write(table, **values)
        with pytest.raises(ScopeViolation):
            tx.update(table, **{own.key: "acme"})
        with pytest.raises(ScopeViolation):
            tx.execute(select(table))


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(
    tenant=st.sampled_from(["a", "b", "c"]),
    words=st.lists(st.sampled_from(["a", "b", "c", "a' OR 'a'='a", "%", ""]), max_size=3),
)
def test_no_condition_gives_access_to_another_tenant(
    database: Database, tenant: str, words: list[str]
) -> None:
    with database.across_tenants("test rows") as tx:
        for each in ("a", "b", "c"):
            tx.insert_or_ignore(videos, **{**row(videos, each), "tenant_id": each})
    conditions = [videos.c.tenant_id.in_(words) | videos.c.id.in_(words) | True for _ in words]
    with database.read_transaction(tenant) as tx:
        assert {found.tenant_id for found in tx.select(videos, *conditions)} <= {tenant}


def test_a_row_cannot_reference_another_tenants_video(database: Database) -> None:
    with database.transaction("acme") as tx:
        tx.insert(videos, **{**row(videos, "v"), "id": "v"})
    with pytest.raises(IntegrityError), database.transaction("other") as tx:
        tx.insert(attempts, **{**row(attempts, "v"), "video_id": "v"})


def test_rows_of_the_installation_are_visible_and_read_only_for_tenants(database: Database) -> None:
    with database.across_tenants("a waiver for all") as tx:
        tx.insert(waivers, **row(waivers, "w"), tenant_id=None)
        tx.insert(waivers, **row(waivers, "o"), tenant_id="other")
    with database.transaction("acme") as tx:
        assert [found.id for found in tx.select(waivers)] == ["w"]
        assert tx.update(waivers, name="mine") == 0
        assert tx.delete(waivers) == 0
        with pytest.raises(ScopeViolation):
            tx.insert(waivers, **row(waivers, "x"), tenant_id=None)


def test_across_tenants_a_new_row_must_name_its_tenant(database: Database) -> None:
    with database.across_tenants("test") as tx:
        with pytest.raises(ScopeViolation):
            tx.insert(videos, **row(videos, "v"))
        tx.append_audit("something.happened", subject="x", actor="y", content={}, tenant="acme")
        tx.publish("topic", subject="x", body={}, tenant="acme")
        assert tx.count(videos) == 0
    with database.read_transaction("acme") as tx:
        assert tx.count(audit_log) == 1


def test_a_transaction_needs_a_tenant_or_a_reason(database: Database) -> None:
    for begin in (database.transaction, database.read_transaction, database.across_tenants):
        with pytest.raises(ScopeViolation), begin(""):
            pass


def test_a_tenant_sees_only_its_own_row_among_tenants(database: Database) -> None:
    for tenant in ("acme", "other"):
        with database.transaction(tenant) as tx:
            tx.insert(tenants, name=tenant, created_at=1.0)
    with database.read_transaction("acme") as tx:
        assert [found.id for found in tx.select(tenants)] == ["acme"]


def test_parts_of_one_transaction_see_one_tenant_each_and_are_committed_together(database: Database) -> None:
    def write(whole: Transaction, *, fails: bool = False) -> None:
        for tenant in ("acme", "other"):
            part = whole.of_tenant(tenant)
            part.insert(videos, **{**row(videos, tenant), "id": tenant})
            part.append_audit("something.happened", subject=tenant, actor="y", content={})
            assert [found.id for found in part.select(videos)] == [tenant]
            with pytest.raises(ScopeViolation):
                part.of_tenant("third")
        if fails:
            raise LookupError

    with pytest.raises(LookupError), database.across_tenants("test") as whole:
        write(whole, fails=True)
    with database.across_tenants("test", readonly=True) as whole:
        assert (whole.count(videos), whole.count(audit_log)) == (0, 0)
    with database.across_tenants("test") as whole:
        write(whole)
    for tenant in ("acme", "other"):
        with database.read_transaction(tenant) as tx:
            assert [found.subject for found in tx.select(audit_log)] == [tenant]
