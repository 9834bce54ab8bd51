"""`safelight people`, and `safelight audit show` and `list` about a person."""

from __future__ import annotations

from safelight.accounts import ROLES, KeyScope, Role
from safelight.accounts.people import Proofs
from safelight.app.container import load
from support.commands import Run, Say
from support.people import PASSWORD, one_time_code

ADA = "ada@example.com"


def test_a_person_is_invited_accepts_signs_in_and_is_disabled(run: Run) -> None:
    made = run(
        "people", "add", "Ada Reed", "Ada@Example.com", "--role", "trust_lead", "--language", "zh-Hant"
    )
    person = made["person"]
    assert (person["role"], person["state"], person["language"]) == ("trust_lead", "invited", "zh-Hant")
    token = made["link"].partition("token=")[2]
    persistence = load().persistence
    page = persistence.people.sign_in.invited(token)
    chosen = Proofs(password=PASSWORD, code=one_time_code(page.totp_secret), sealed_secret=page.sealed_secret)
    signed_in = persistence.people.sign_in.accept(token, chosen)
    proofs = Proofs(password=PASSWORD, code=signed_in.recovery_codes[0])
    assert run("people", "rotate-key") == {"encrypted": 1}
    # This process, which was running before, follows the rotation.
    assert persistence.people.sign_in.sign_in(ADA, proofs).language == "zh-Hant"

    assert run("people", "role", ADA, "owner")["role"] == "owner"
    assert run("people", "disable", person["id"], code=1)["error"]["code"] == "conflict"
    run("people", "role", ADA, "auditor", code=1)
    assert run("people", "reset", ADA)["person"]["state"] == "invited"
    key, _ = persistence.accounts.create_key(persistence.tenant, "desk", {KeyScope.REVIEW}, by=person["id"])
    kept, _ = persistence.accounts.create_key(persistence.tenant, "application", by=person["id"])
    run("people", "disable", ADA, "--keep-keys", "--revoke-keys", code=1)
    done = run("people", "disable", ADA)
    (revoked,) = done["revoked_keys"]
    assert (revoked["id"], revoked["object"], revoked["scopes"]) == (key.id, "key", ["review"])
    assert revoked["revoked_at"] is not None
    assert [each["id"] for each in done["kept_keys"]] == [kept.id]
    assert [done["state"], *(each["state"] for each in run("people", "list")["data"])] == ["disabled"] * 2


def test_bad_input_is_refused_with_a_remedy(run: Run) -> None:
    for arguments in (
        ("add", "Ada", ADA, "--role", "king"),
        ("add", "Ada", "nobody", "--role", "owner"),
        ("add", "Ada", ADA, "--role", "owner", "--language", "tlh"),
        ("role", "nobody@example.com", "owner"),
        ("disable", "user_1"),
        ("list", "--tenant", "nobody"),
    ):
        assert run("people", *arguments, code=1)["error"]["message"], arguments
        assert run("people", "list")["data"] == [], arguments


def test_the_roles_are_those_of_the_table(run: Run) -> None:
    assert {row["id"]: frozenset(row["scopes"]) for row in run("people", "roles")["data"]} == {
        role.value: frozenset(scope.value for scope in ROLES[role].scopes) for role in Role
    }


def test_audit_show_takes_the_last_entries_a_person_and_an_event_and_says_if_none_matches(
    run: Run, say: Say
) -> None:
    def show(*conditions: str) -> list[tuple[str, str]]:
        return [(one["event"], one["subject"]) for one in run("audit", "show", *conditions)["entries"]]

    people = [
        run("people", "add", name, email, "--role", "reviewer")["person"]["id"]
        for name, email in (("Ada Reed", ADA), ("Ben Low", "ben@example.com"))
    ]
    run("people", "role", ADA, "auditor")
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
    said = say("audit", "show", "--case", "case_0", "--lang", "en").out
    assert said.strip() == "No entry matches these conditions."


def test_audit_list_has_the_entries_of_one_tenant_newest_first_without_their_content(
    run: Run, say: Say
) -> None:
    persistence = load().persistence
    own = persistence.tenant
    other = persistence.accounts.create_tenant("other").id
    for tenant, actor, number in ((own, "ada", 102), (other, "bo", 1)):
        with persistence.database.transaction(tenant) as tx:
            for one in range(number):
                tx.append_audit("media.shown", subject=f"video_{one}", actor=actor, content={"a": "secret"})

    first = run("audit", "list", "--event", "reads")
    assert ([one["subject"] for one in first["data"][:2]], len(first["data"])) == (
        ["video_101", "video_100"],
        100,
    )
    assert (first["has_more"], set(first["data"][0])) == (
        True,
        {"seq", "at", "event", "subject", "actor", "name"},
    )
    before = str(first["data"][-1]["seq"])
    rest = run("audit", "list", "--event", "reads", "--before", before)
    assert ([one["subject"] for one in rest["data"]], rest["has_more"]) == (["video_1", "video_0"], False)
    assert [
        one["actor"] for one in run("audit", "list", "--tenant", "other", "--event", "reads")["data"]
    ] == ["bo"]
    both = ("--person", "ada", "--subject", "video_3")
    assert [one["event"] for one in run("audit", "list", *both)["data"]] == ["media.shown"]
    said = say("audit", "list", "--event", "reads", "--lang", "en").out
    assert ("video_101" in said, "secret" in said) == (True, False)
    assert said.rstrip().endswith(f"Older entries exist: add --before {before}")
    said = say("audit", "list", "--person", "nobody", "--lang", "en").out
    assert said.strip() == "No entry matches these conditions."
    run("audit", "list", "--tenant", "nothing", code=1)
