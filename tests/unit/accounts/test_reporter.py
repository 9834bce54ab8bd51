"""Names of reporters: the source is part of the name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts import Principal, PrincipalKind
from safelight.accounts.reporter import Reporter

IDS = st.text("0123456789abcdef_", min_size=1)
IDENTIFIERS = st.one_of(st.none(), st.text(min_size=1))


def principal(kind: PrincipalKind, identity: str) -> Principal:
    return Principal(tenant="tenant_1", id=identity, kind=kind, name="", scopes=frozenset())


@given(kind=st.sampled_from(PrincipalKind), identity=IDS, end_user=IDENTIFIERS)
def test_a_name_gives_the_same_reporter_again(
    kind: PrincipalKind, identity: str, end_user: str | None
) -> None:
    reporter = Reporter.of(principal(kind, identity), end_user)
    assert Reporter.parse(reporter.name) == reporter
    assert reporter.identity == (identity if end_user is None else end_user)
    assert not reporter.is_visitor
    assert reporter.is_key == (kind is PrincipalKind.KEY)


@given(identity=IDS, end_user=st.text(min_size=1))
def test_no_identifier_of_an_end_user_makes_the_name_of_another_source(identity: str, end_user: str) -> None:
    sent = Reporter.of(principal(PrincipalKind.KEY, identity), end_user)
    others = (
        Reporter.of(principal(PrincipalKind.KEY, identity), None),
        Reporter.of(principal(PrincipalKind.PERSON, identity), end_user),
        Reporter.of(principal(PrincipalKind.KEY, f"{identity}0"), end_user),
        Reporter.of_visitor(end_user),
    )
    assert sent.name not in {other.name for other in others}


def test_only_a_person_or_a_key_for_itself_is_a_principal() -> None:
    person, key = (principal(kind, "one") for kind in (PrincipalKind.PERSON, PrincipalKind.KEY))
    assert Reporter.of(person, None).principal_id == "one"
    assert Reporter.of(person, "anna").principal_id == "one"
    assert Reporter.of(key, None).principal_id == "one"
    assert Reporter.of(key, "user_of_a_reviewer").principal_id is None
    assert Reporter.of_visitor("one").principal_id is None
