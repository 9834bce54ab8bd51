from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import (
    Executable,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from safelight.store import tenant_scope
from safelight.store.tables import (
    assets,
    audit_log_head,
    findings,
    installation,
    metadata,
    openid_attempts,
    policies,
    provenance_check_counts,
    provenance_feedback,
    sign_in_failures,
    tenants,
    videos,
    waivers,
)
from safelight.store.tenant_scope import (
    AcceptedStatements,
    ScopeViolation,
    check_statement,
    tenant_column,
    tenant_condition,
)

MINE = videos.c.tenant_id == "acme"


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_table_has_a_tenant_or_declares_that_it_has_none(table: Table) -> None:
    assert (tenant_column(table) is None) == bool(table.info.get("common"))
    if table.info.get("shared"):
        assert table.c.tenant_id.nullable


def test_only_the_listed_tables_have_no_tenant() -> None:
    assert {table for table in metadata.sorted_tables if tenant_column(table) is None} == {
        installation,
        audit_log_head,
        openid_attempts,
        provenance_check_counts,
        provenance_feedback,
        sign_in_failures,
    }


@pytest.mark.parametrize(
    "statement",
    [
        select(videos).where(MINE),
        select(videos).where(MINE, videos.c.state == "held"),
        select(videos).where(and_(videos.c.state == "held", and_(MINE, videos.c.seconds > 1))),
        select(func.count()).select_from(videos).where(MINE),
        select(videos, findings)
        .join(findings, findings.c.video_id == videos.c.id)
        .where(MINE, findings.c.tenant_id == "acme"),
        select(videos)
        .join(findings, and_(findings.c.video_id == videos.c.id, findings.c.tenant_id == "acme"))
        .where(MINE),
        select(videos).where(MINE, exists(select(findings.c.id).where(findings.c.tenant_id == "acme"))),
        select(waivers).where(or_(waivers.c.tenant_id == "acme", waivers.c.tenant_id.is_(None))),
        select(tenants).where(tenants.c.id == "acme"),
        select(installation),
        update(videos).where(MINE).values(state="held"),
        delete(videos).where(MINE, videos.c.id == "x"),
    ],
)
def test_a_statement_scoped_to_its_tenant_is_allowed(statement: object) -> None:
    check_statement(statement, "acme")


@pytest.mark.parametrize(
    "statement",
    [
        select(videos),
        select(videos).where(videos.c.id == "x"),
        select(videos).where(videos.c.tenant_id == "other"),
        select(videos).where(or_(MINE, videos.c.state == "held")),
        select(videos).where(~MINE),
        select(videos).where(videos.c.tenant_id != "acme"),
        select(videos).where(videos.c.id == "acme"),
        select(func.count()).select_from(videos),
        select(videos, findings).where(MINE),
        select(videos).outerjoin(
            findings, and_(findings.c.video_id == videos.c.id, findings.c.tenant_id == "acme")
        ),
        select(videos).where(MINE, exists(select(findings.c.id).where(findings.c.video_id == videos.c.id))),
        select(select(assets).subquery()).where(text("true")),
        select(videos).where(MINE).union_all(select(videos)),
        select(videos.alias()).where(MINE),
        select(videos.alias().c.id),
        select(videos.c.id).where(exists().where(videos.c.tenant_id == "acme")),
        select(videos, installation),
        select(tenants),
        select(tenants).where(tenants.c.name == "acme"),
        select(waivers),
        update(videos).values(state="held"),
        update(policies).where(or_(policies.c.tenant_id == "acme", policies.c.tenant_id.is_(None))),
        delete(videos).where(videos.c.id == "x"),
        insert(videos).values(tenant_id="acme"),
        text("select * from videos"),
    ],
)
def test_a_statement_that_could_touch_another_tenant_is_refused(statement: object) -> None:
    with pytest.raises(ScopeViolation):
        check_statement(statement, "acme")


@pytest.mark.parametrize(
    "statement",
    [
        select(videos)
        .where(MINE, videos.c.state.in_(["held", "queued"]))
        .order_by(videos.c.id.desc())
        .limit(5),
        select(videos.c.id).select_from(videos).where(MINE).with_for_update(skip_locked=True),
        select(waivers).where(or_(waivers.c.tenant_id == "acme", waivers.c.tenant_id.is_(None))),
    ],
)
def test_a_plain_query_of_one_table_is_checked_without_being_compiled(
    statement: Select[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def compiled(_: object) -> None:
        raise AssertionError("the statement was compiled")

    monkeypatch.setattr(Select, "get_final_froms", compiled)
    check_statement(statement, "acme")
    with pytest.raises(ScopeViolation):
        check_statement(statement, "other")


def test_outside_of_a_tenant_every_statement_is_refused() -> None:
    with pytest.raises(ScopeViolation):
        check_statement(select(videos).where(MINE), None)


def test_an_alias_is_scoped_like_its_table() -> None:
    other = videos.alias()
    check_statement(select(other).where(*tenant_condition(other, "acme", reading=True)), "acme")


@pytest.mark.parametrize(
    "make",
    [
        lambda tenant: select(videos).where(videos.c.tenant_id == tenant, videos.c.id == "x"),
        lambda tenant: select(videos).where(videos.c.tenant_id == tenant, videos.c.id == "other"),
        lambda tenant: update(videos).where(videos.c.tenant_id == tenant).values(state=tenant),
        lambda tenant: delete(videos).where(videos.c.tenant_id == tenant),
        lambda tenant: select(videos).where(
            videos.c.tenant_id == "acme", exists(select(findings.c.id).where(findings.c.tenant_id == tenant))
        ),
        lambda tenant: select(waivers).where(
            or_(waivers.c.tenant_id == tenant, waivers.c.tenant_id.is_(None))
        ),
    ],
)
def test_a_form_that_was_accepted_once_is_refused_with_another_tenant(
    make: Callable[[str], Executable],
) -> None:
    accepted = AcceptedStatements()
    for _ in range(2):
        accepted.check(make("acme"), "acme")
        for tenant, own in (("other", "acme"), ("acme", "other"), ("acme", None)):
            with pytest.raises(ScopeViolation):
                accepted.check(make(tenant), own)


def test_the_tenant_in_another_column_does_not_replace_the_condition() -> None:
    accepted = AcceptedStatements()
    accepted.check(select(videos).where(MINE, videos.c.id == "x"), "acme")
    with pytest.raises(ScopeViolation):
        accepted.check(select(videos).where(videos.c.tenant_id == "x", videos.c.id == "acme"), "acme")


def test_an_insert_is_accepted_only_for_its_tenant() -> None:
    accepted = AcceptedStatements()
    statement = insert(videos).values(tenant_id="acme")
    accepted.check(statement, "acme", inserted_for="acme")
    for tenant, inserted_for in (("acme", "other"), ("acme", None), (None, None)):
        with pytest.raises(ScopeViolation):
            accepted.check(statement, tenant, inserted_for=inserted_for)


def test_a_text_statement_is_refused_each_time() -> None:
    accepted = AcceptedStatements()
    for _ in range(2):
        with pytest.raises(ScopeViolation):
            accepted.check(text("select * from videos"), "acme")


def test_an_accepted_form_is_not_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = AcceptedStatements()
    checks: list[object] = []
    monkeypatch.setattr(tenant_scope, "check_statement", lambda statement, *_, **__: checks.append(statement))
    for name in ("a", "b", "c"):
        accepted.check(select(videos).where(MINE, videos.c.id == name), "acme")
    assert len(checks) == 1
