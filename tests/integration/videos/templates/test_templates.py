"""The life of a template, on both databases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from safelight.accounts import Accounts, KeyScope, Principal
from safelight.accounts.models import OPERATOR
from safelight.core.errors import Conflict, Forbidden, InvalidField, NotFound
from safelight.store.database import Database
from safelight.store.tables import audit_log
from safelight.videos.templates import TemplateCall, Templates, TemplateState, service
from support.people import person

SOURCE = "template: lake\ntext: 'a lake at [TIME]'\nslots: {TIME: {values: [dawn, noon]}}\n"


@pytest.fixture
def templates(database: Database) -> Templates:
    return Templates(database)


WRITING = (KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.REVIEW)
ADA, BEA = (person("tenant_a", *WRITING, identity=name) for name in ("ada", "bea"))
CALL = TemplateCall(name="lake", values={"TIME": "dawn"})


def in_review(templates: Templates, author: Principal = ADA) -> None:
    templates.add(author, SOURCE)
    templates.submit(author, "lake", 1)


def test_a_template_goes_from_draft_to_review_to_approved_by_another_person_to_retired(
    templates: Templates, database: Database
) -> None:
    assert templates.add(ADA, SOURCE).state is TemplateState.DRAFT
    with pytest.raises(Conflict, match="in the state draft, not in review"):
        templates.approve(BEA, "lake", 1)
    assert templates.submit(ADA, "lake", 1).state is TemplateState.REVIEW
    with pytest.raises(Conflict):
        templates.submit(ADA, "lake", 1)
    with pytest.raises(Forbidden, match="Ask another person"):
        templates.approve(ADA, "lake", 1)
    assert templates.get(ADA, "lake").state is TemplateState.REVIEW
    approved = templates.approve(BEA, "lake", 1)
    assert (approved.state, approved.approver_name) == (TemplateState.APPROVED, "Bea")
    assert templates.retire(BEA, "lake", 1).state is TemplateState.RETIRED
    with pytest.raises(Conflict, match="retired already"):
        templates.retire(ADA, "lake", 1)
    with database.read_transaction(ADA.tenant) as tx:
        events = [row.event for row in tx.select(audit_log, order_by=(audit_log.c.seq,))]
    assert events == ["template.added", "template.submitted", "template.approved", "template.retired"]


@pytest.mark.parametrize("key_is_author", [True, False])
def test_an_own_key_is_no_other_person(templates: Templates, accounts: Accounts, key_is_author: bool) -> None:
    tenant = accounts.create_tenant("acme").id
    ada, bea = (person(tenant, *WRITING, identity=name) for name in ("ada", "bea"))
    keys = [accounts.create_key(tenant, name, ada.scopes, by="ada")[1] for name in ("one", "two")]
    key, other_key = (accounts.authenticate(token) for token in keys)
    author, approver = (key, ada) if key_is_author else (ada, key)
    in_review(templates, author)
    for same in (approver, other_key):
        with pytest.raises(Forbidden, match="may not approve"):
            templates.approve(same, "lake", 1)
    assert templates.approve(bea, "lake", 1).state is TemplateState.APPROVED


def test_without_another_enrolled_person_it_stays_in_review_and_says_so(
    templates: Templates, accounts: Accounts
) -> None:
    tenant = accounts.create_tenant("acme").id
    author = person(tenant, *WRITING, identity=OPERATOR)
    templates.add(author, SOURCE)
    assert not templates.get(author, "lake").no_eligible_approver
    templates.submit(author, "lake", 1)
    assert templates.get(author, "lake").no_eligible_approver
    assert [one.no_eligible_approver for one in templates.list(author).items] == [True]
    with pytest.raises(Forbidden, match="No other person is enrolled, so it stays in review"):
        templates.approve(author, "lake", 1)
    accounts.create_key(tenant, "bea", {KeyScope.REVIEW})
    assert not templates.get(author, "lake").no_eligible_approver


def test_each_step_needs_its_own_scope_and_no_other(templates: Templates) -> None:
    writer, reviewer, reader = (
        person("tenant_a", scope, identity=name)
        for name, scope in (
            ("ada", KeyScope.VIDEOS_WRITE),
            ("bea", KeyScope.REVIEW),
            ("eve", KeyScope.VIDEOS_READ),
        )
    )
    assert templates.add(writer, SOURCE).version == 1
    assert templates.submit(writer, "lake", 1).state is TemplateState.REVIEW
    for step in (
        lambda: templates.add(reader, SOURCE),
        lambda: templates.submit(reader, "lake", 1),
        lambda: templates.approve(reader, "lake", 1),
        lambda: templates.retire(reader, "lake", 1),
        lambda: templates.render(reviewer, CALL),
    ):
        with pytest.raises(Forbidden):
            step()
    assert templates.approve(reviewer, "lake", 1).state is TemplateState.APPROVED
    for scope in (KeyScope.VIDEOS_READ, KeyScope.VIDEOS_WRITE, KeyScope.CHECKS):
        assert templates.render(person("tenant_a", scope), CALL).text == "a lake at dawn"
    assert templates.retire(reviewer, "lake", 1).state is TemplateState.RETIRED
    templates.add(writer, SOURCE)
    assert templates.retire(writer, "lake", 2).state is TemplateState.RETIRED, "the own draft"
    assert len(templates.list(reader).items) == 2


def test_the_number_of_versions_is_limited(templates: Templates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MAX_VERSIONS", 2)
    monkeypatch.setattr(service, "MAX_STORED", 3)
    for _ in range(2):
        templates.add(ADA, SOURCE)
    with pytest.raises(Conflict, match="at most 2 versions"):
        templates.add(ADA, SOURCE)
    templates.add(ADA, SOURCE.replace("lake", "pond"))
    with pytest.raises(Conflict, match="all templates together 3"):
        templates.add(ADA, SOURCE.replace("lake", "hill"))
    assert [one.version for one in templates.versions(ADA, "lake")] == [2, 1]


def test_templates_are_listed_in_pages_without_gaps(templates: Templates) -> None:
    for name in ("pond", "lake", "hill"):
        for _ in range(3):
            templates.add(ADA, SOURCE.replace("lake", name))
    listed, after, has_more = [], None, True
    while has_more:
        page = templates.list(ADA, after=after, limit=2)
        listed += [(each.name, each.version) for each in page.items]
        after, has_more = page.items[-1].id, page.has_more
    assert listed == [(name, version) for name in ("hill", "lake", "pond") for version in (3, 2, 1)]
    with pytest.raises(NotFound):
        templates.list(ADA, after="template_none")


def test_a_changed_text_is_a_new_version_and_the_old_one_stays(templates: Templates) -> None:
    in_review(templates)
    templates.approve(BEA, "lake", 1)
    second = templates.add(BEA, SOURCE.replace("a lake", "a calm lake"))
    assert (second.version, second.state) == (2, TemplateState.DRAFT)
    assert templates.get(ADA, "lake").version == 1
    assert templates.get(ADA, "lake", 1).source == SOURCE
    templates.submit(BEA, "lake", 2)
    templates.approve(ADA, "lake", 2)
    assert templates.get(ADA, "lake").version == 2
    assert [each.version for each in templates.list(ADA).items] == [2, 1]


def test_only_approved_versions_are_used_by_name_and_no_retired_one_at_all(templates: Templates) -> None:
    templates.add(ADA, SOURCE)
    with pytest.raises(Conflict, match="No version of the template lake is approved"):
        templates.render(ADA, CALL)
    with pytest.raises(InvalidField):
        templates.render(ADA, TemplateCall(name="lake", version=1, values={}))
    for name, version in (("sea", None), ("lake", 2), ("lake", 0)):
        with pytest.raises(NotFound):
            templates.get(ADA, name, version)
    draft = templates.render(ADA, TemplateCall(name="lake", version=1, values={"TIME": "dawn"}))
    assert (draft.text, draft.use.approved) == ("a lake at dawn", False)
    templates.submit(ADA, "lake", 1)
    templates.approve(BEA, "lake", 1)
    assert templates.render(ADA, CALL).use.approved
    templates.retire(BEA, "lake", 1)
    with pytest.raises(Conflict, match="Version 1 of the template lake is retired"):
        templates.render(ADA, CALL)


@pytest.mark.both_databases
def test_another_tenant_sees_nothing_and_may_use_the_same_name(templates: Templates) -> None:
    in_review(templates)
    stranger = replace(ADA, tenant="tenant_b")
    assert templates.list(stranger).items == ()
    with pytest.raises(NotFound):
        templates.get(stranger, "lake")
    assert templates.add(stranger, SOURCE).version == 1
