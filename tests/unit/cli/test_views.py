"""`--json` of the resources without a route follows the forms of the API."""

from __future__ import annotations

from typing import Any

import msgspec

from safelight.accounts import KeyRecord, KeyScope, Role, Tenant
from safelight.accounts.people import DisabledPerson, Invitation
from safelight.accounts.people.models import Person, PersonState
from safelight.cli import views
from safelight.cli.operations import as_printed
from safelight.consents import Consent, ProtectedPerson
from safelight.policy.intended_use import ConsentScope
from safelight.policy.waivers import Waiver

AT = 1795519960.75
TENANT = Tenant(id="tenant_1", name="default", created_at=AT)
KEY = KeyRecord(
    id="key_1",
    tenant=TENANT.id,
    name="app",
    scopes=frozenset({KeyScope.VIDEOS_WRITE, KeyScope.CHECKS}),
    created_at=AT,
    created_by="user_1",
    revoked_at=None,
    last_used_at=AT,
)
PERSON = Person(
    id="user_1",
    tenant=TENANT.id,
    name="Ada",
    email="ada@example.com",
    role=Role.OWNER,
    language="en",
    state=PersonState.ACTIVE,
    created_at=AT,
    created_by="operator",
    recovery_codes_left=9,
)
CONSENT = Consent(
    id="consent_1",
    tenant=TENANT.id,
    subject="Ann",
    scope=(ConsentScope.VOICE,),
    recorded_by="Ada",
    evidence="a form",
    created_at=AT,
    expires_at=AT + 10,
)
PROTECTED = ProtectedPerson(
    id="protected_1", tenant=TENANT.id, name="Ben", public_figure=True, recorded_by="Ada", created_at=AT
)
WAIVER = Waiver(id="waiver_1", name="gore", decided_by="Ada", reason="none", categories=("*",), created_at=AT)


def printed(view: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(as_printed(view)))


def test_lists_are_lists_of_the_api_with_kinds_and_whole_seconds() -> None:
    for view, kind in (
        ([views.show_key(KEY, TENANT)], "key"),
        ([views.show_person(PERSON)], "person"),
        ([views.show_consent(CONSENT, AT)], "consent"),
        ([views.show_protected_person(PROTECTED)], "protected_person"),
        ([views.show_waiver(WAIVER, AT)], "waiver"),
    ):
        listed = printed(view)
        (row,) = listed.pop("data")
        assert listed == {"object": "list", "has_more": False}
        assert (row["object"], row["created_at"]) == (kind, 1795519960)
        assert "tenant" not in row or row["tenant"] == {
            "id": TENANT.id,
            "object": "tenant",
            "name": "default",
        }


def test_a_key_is_shown_once_and_its_scopes_are_sorted() -> None:
    made = printed(views.show_new_key(KEY, TENANT, "sk-safelight-1"))
    assert (made.pop("key"), made["scopes"]) == ("sk-safelight-1", ["checks", "videos:write"])
    assert made == printed(views.show_key(KEY, TENANT))


def test_an_invitation_and_a_disabled_person_contain_whole_objects() -> None:
    made = printed(views.show_invitation(Invitation(person=PERSON, token="t", expires_at=AT), "/link"))
    assert made == {
        "object": "person.invitation",
        "person": printed(views.show_person(PERSON)),
        "link": "/link",
        "expires_at": 1795519960,
    }
    done = printed(views.show_disabled(DisabledPerson(person=PERSON, revoked_keys=(KEY,), kept_keys=())))
    assert (done["id"], done["kept_keys"], done["revoked_keys"][0]["object"]) == ("user_1", [], "key")


def test_a_consent_says_whether_it_is_in_force() -> None:
    shown = [printed(views.show_consent(CONSENT, at)) for at in (AT, AT + 10)]
    assert [(one["in_force"], one["level"], one["scope"]) for one in shown] == [
        (True, 0, ["voice"]),
        (False, 0, ["voice"]),
    ]
