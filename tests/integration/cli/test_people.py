from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safelight.bootstrap import load
from safelight.cli import main
from safelight.trust.accounts import ROLES, KeyScope, Role
from safelight.trust.people import Proofs
from support.people import PASSWORD, one_time_code

Run = Callable[..., tuple[int, Any]]
PEOPLE = (("Ada Reed", "ada@example.com"), ("Ben Low", "ben@example.com"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, Any]:
        code = main(["people", *arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return call


def test_a_person_is_invited_accepts_signs_in_and_is_disabled(run: Run) -> None:
    code, made = run("add", "Ada Reed", "Ada@Example.com", "--role", "trust_lead", "--language", "zh-Hant")
    assert code == 0
    person = made["person"]
    assert (person["role"], person["state"], person["language"]) == ("trust_lead", "invited", "zh-Hant")
    token = made["invitation"].partition("token=")[2]
    persistence = load().persistence
    page = persistence.people.sign_in.invited(token)
    chosen = Proofs(password=PASSWORD, code=one_time_code(page.totp_secret), sealed_secret=page.sealed_secret)
    signed_in = persistence.people.sign_in.accept(token, chosen)
    proofs = Proofs(password=PASSWORD, code=signed_in.recovery_codes[0])
    assert run("rotate-key") == (0, {"encrypted": 1})
    # This process, which was running before, follows the rotation.
    assert persistence.people.sign_in.sign_in("ada@example.com", proofs).language == "zh-Hant"

    assert run("role", "ada@example.com", "owner")[1]["role"] == "owner"
    code, refused = run("disable", made["person"]["id"])
    assert (code, refused["error"]["code"]) == (1, "conflict")
    assert run("role", "ada@example.com", "auditor")[0] == 1
    code, again = run("reset", "ada@example.com")
    assert (code, again["person"]["state"]) == (0, "invited")
    key, _ = persistence.accounts.create_key(persistence.tenant, "desk", {KeyScope.REVIEW}, by=person["id"])
    kept, _ = persistence.accounts.create_key(persistence.tenant, "application", by=person["id"])
    assert run("disable", "ada@example.com", "--keep-keys", "--revoke-keys")[0] == 1
    code, done = run("disable", "ada@example.com")
    assert (code, done["state"]) == (0, "disabled")
    assert done["revoked_keys"] == [{"id": key.id, "name": "desk", "scopes": ["review"]}]
    assert [each["id"] for each in done["kept_keys"]] == [kept.id]
    assert [person["state"] for person in run("list")[1]["people"]] == ["disabled"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "Ada", "ada@example.com", "--role", "king"),
        ("add", "Ada", "nobody", "--role", "owner"),
        ("add", "Ada", "ada@example.com", "--role", "owner", "--language", "tlh"),
        ("role", "nobody@example.com", "owner"),
        ("disable", "user_1"),
        ("list", "--tenant", "nobody"),
    ],
)
def test_bad_input_is_refused_with_a_remedy(run: Run, arguments: tuple[str, ...]) -> None:
    code, answer = run(*arguments)
    assert code == 1
    assert answer["error"]["message"]
    assert run("list")[1] == {"people": []}


def test_the_roles_are_those_of_the_table(run: Run) -> None:
    code, answer = run("roles")
    assert code == 0
    assert {row["role"]: frozenset(row["scopes"]) for row in answer["roles"]} == {
        role.value: frozenset(scope.value for scope in ROLES[role].scopes) for role in Role
    }


def test_audit_show_takes_the_last_entries_a_person_and_an_event_and_says_if_none_matches(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    def show(*conditions: str) -> list[tuple[str, str]]:
        assert main(["audit", "show", *conditions, "--json"]) == 0
        return [(one["event"], one["subject"]) for one in json.loads(capsys.readouterr().out)["entries"]]

    people = [run("add", name, email, "--role", "reviewer")[1]["person"]["id"] for name, email in PEOPLE]
    run("role", "ada@example.com", "auditor")
    everything = show()
    assert show("--last", "2") == everything[-2:]
    changed = ("person.role_changed", people[0])
    assert everything[-1] == changed
    for named in (people[0], "Ada@example.com", "Ada Reed"):
        found = show("--person", named)
        assert changed in found
        assert people[1] not in {subject for _, subject in found}
        assert show("--person", named, "--event", changed[0]) == [changed]
    assert show("--person", "ben@example.com", "--event", changed[0]) == []
    assert main(["audit", "show", "--case", "case_0", "--lang", "en"]) == 0
    assert capsys.readouterr().out.strip() == "No entry matches these conditions."
