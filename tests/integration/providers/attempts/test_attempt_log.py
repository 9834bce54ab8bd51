"""The attempt log on both databases: the gateway's attempts and those of other programs in one list."""

from __future__ import annotations

import pytest

from safelight.accounts import Accounts
from safelight.core import canonical_json
from safelight.core.errors import InvalidField, NotFound
from safelight.core.ids import new_id
from safelight.providers.attempts.answers import choose_attempts
from safelight.providers.attempts.attempt_log import AttemptLog, ImportResult
from safelight.providers.attempts.fields import read_attempt
from safelight.providers.attempts.models import (
    AttemptFilter,
    AttemptOrigin,
    AttemptOutcome,
    AttemptRecord,
    AttemptRefund,
    NewAttempt,
)
from safelight.store import tables
from safelight.store.database import Database
from support.attempts import submitted

START = 1_790_000_000.0
EVERYTHING = AttemptFilter()


@pytest.fixture
def tenant(database: Database) -> str:
    return Accounts(database).create_tenant("default").id


@pytest.fixture
def log(database: Database) -> AttemptLog:
    return AttemptLog(database)


def bill(own: AttemptRecord, *, at: float = START, **fields: object) -> NewAttempt:
    """A row of a provider's bill for this attempt."""
    row = {"time": at, "provider": "runway", "request_id": own.request_id, "amount": 0.25, "currency": "USD"}
    return read_attempt(row | fields)


def failed_rows(count: int) -> list[NewAttempt]:
    return [
        read_attempt({"time": START + number, "provider": "kling", "error": "HTTP 500"})
        for number in range(count)
    ]


def imported(log: AttemptLog, tenant: str, *rows: NewAttempt) -> ImportResult:
    return log.add(tenant, rows, origin=AttemptOrigin.IMPORTED, actor="operator")


def report(log: AttemptLog, tenant: str, **fields: object) -> AttemptRecord:
    given = read_attempt({"time": START, "provider": "veo", "error": "HTTP 500", **fields})
    (added,) = log.add(tenant, [given], origin=AttemptOrigin.REPORTED, actor="operator").added
    return added


def test_an_attempt_of_the_gateway_has_its_prompt_error_and_charge(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    found = log.get(tenant, submitted(database, tenant))
    assert (found.origin, found.outcome, found.stage) == (
        AttemptOrigin.GATEWAY,
        AttemptOutcome.REFUSED,
        "output",
    )
    assert found.error == "SAFETY.OUTPUT.VIDEO: Content moderation failed."
    assert (found.prompt, found.provider, found.model) == ("a child alone on a rooftop", "my-runway", "gen4")
    assert (found.seconds, found.size, found.charge.amount) == (5, "1280x720", 0.25)
    assert found.file_came is False
    assert found.request_id == f"task-{found.video_id}"


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("delivered", AttemptOutcome.PASSED),
        ("blocked", AttemptOutcome.STOPPED),
        ("held", AttemptOutcome.RUNNING),
    ],
)
def test_a_file_that_our_policy_stops_came_from_the_provider(
    database: Database, tenant: str, log: AttemptLog, state: str, outcome: AttemptOutcome
) -> None:
    found = log.get(tenant, submitted(database, tenant, outcome="done", state=state, explanation=None))
    assert (found.outcome, found.file_came, found.error) == (outcome, True, "")


def test_a_file_whose_video_failed_later_is_undelivered(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    found = log.get(tenant, submitted(database, tenant, outcome="done", state="failed", explanation=None))
    assert (found.outcome, found.is_undelivered) == (AttemptOutcome.PASSED, True)
    delivered = submitted(database, tenant, outcome="done", state="delivered", explanation=None)
    assert not log.get(tenant, delivered).is_undelivered


@pytest.mark.parametrize(
    ("outcome", "message", "error", "file_came"),
    [
        (
            "upstream_error",
            "my-runway failed: Internal error. my-runway charged $0.25 for it. Ask my-runway.",
            "Internal error.",
            False,
        ),
        ("upstream_error", "my-runway failed: it gave no reason.", "", False),
        ("upstream_error", "The file is too large. my-runway charged $0.25 for it.", None, None),
        ("timeout", "The video was not finished in time. my-runway had finished it.", None, None),
        ("upstream_rejected", "my-runway answered with HTTP 401.", None, False),
    ],
)
def test_only_the_words_of_the_provider_are_its_error(
    database: Database,
    tenant: str,
    log: AttemptLog,
    outcome: str,
    message: str,
    error: str | None,
    file_came: bool | None,
) -> None:
    attempt = submitted(
        database, tenant, outcome=outcome, state="failed", explanation=None, error_message=message
    )
    found = log.get(tenant, attempt)
    assert (found.outcome, found.file_came) == (AttemptOutcome.FAILED, file_came)
    assert (found.error, found.is_own_error) == ((message, True) if error is None else (error, False))
    assert found.as_json()["own_error"] == (message if error is None else None)


@pytest.mark.parametrize("change", [{"vaulted": True}, {"quarantined": True}, {"deleted_at": START}])
def test_the_prompt_of_a_vaulted_or_deleted_video_is_withheld(
    database: Database, tenant: str, log: AttemptLog, change: dict[str, object]
) -> None:
    echo = {"source": "provider", "provider_message": "Flagged: a child alone on a rooftop"}
    change["explanation"] = canonical_json.encode(echo)
    found = log.get(tenant, submitted(database, tenant, **change))
    assert found.prompt is None
    assert "rooftop" not in found.error
    assert found.as_json()["prompt_withheld"] is True


def test_the_answer_of_a_provider_is_kept_and_withheld_with_the_prompt(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    body = '{"failure": "a child alone on a rooftop", "node": "http://10.0.0.7/x", "to": "me@example.com"}'
    found = log.get(tenant, submitted(database, tenant, answer=body))
    shown = log.answer(tenant, found)
    assert shown == (
        '{"failure": "a child alone on a rooftop", "node": "[internal address]", "to": "[masked]"}'
    )
    for change in ({"vaulted": True}, {"quarantined": True}, {"deleted_at": START}):
        assert log.answer(tenant, log.get(tenant, submitted(database, tenant, answer=body, **change))) is None
    assert log.answer(tenant, log.get(tenant, submitted(database, tenant))) is None
    assert log.answer(tenant, report(log, tenant)) is None


@pytest.mark.both_databases
def test_the_list_has_both_kinds_in_order_and_pages_without_gaps(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    own = [submitted(database, tenant, at=START + number) for number in (0, 2, 4)]
    reported = [report(log, tenant, time=START + number, model=f"m{number}").id for number in (1, 3)]
    order = [own[2], reported[1], own[1], reported[0], own[0]]
    assert [one.id for one in log.all(tenant, EVERYTHING)] == order
    seen: list[str] = []
    after = None
    while True:
        page = log.page(tenant, EVERYTHING, after=after, limit=2)
        seen += [one.id for one in page.items]
        after = seen[-1]
        if not page.has_more:
            break
    assert seen == order


def test_a_filter_selects_by_provider_model_origin_and_time(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    own, other = submitted(database, tenant), report(log, tenant, time=START + 10, model="veo-3").id

    def ids(**wanted: object) -> list[str]:
        return [one.id for one in log.all(tenant, AttemptFilter(**wanted))]  # type: ignore[arg-type]

    assert ids(provider="my-runway") == ids(origin=AttemptOrigin.GATEWAY) == ids(until=START + 5) == [own]
    assert ids(model="veo-3") == ids(origin=AttemptOrigin.REPORTED) == ids(since=START + 5) == [other]
    assert ids(origin=AttemptOrigin.IMPORTED) == []


@pytest.mark.both_databases
def test_another_tenant_sees_nothing(database: Database, tenant: str, log: AttemptLog) -> None:
    own, added = submitted(database, tenant), report(log, tenant).id
    other = Accounts(database).create_tenant("other").id
    assert log.all(other, EVERYTHING) == ()
    for attempt_id in (own, added):
        with pytest.raises(NotFound):
            log.get(other, attempt_id)
        with pytest.raises(NotFound):
            log.refund(other, attempt_id, AttemptRefund(amount=None, currency=""), at=START, actor="x")


def test_the_same_file_can_be_imported_twice(tenant: str, log: AttemptLog) -> None:
    for added, known in ((3, 0), (0, 3)):
        done = imported(log, tenant, *failed_rows(3))
        assert (len(done.added), done.known) == (added, known)


def test_a_bill_repeats_the_gateways_attempt_once_and_a_second_row_is_a_second_charge(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    own = log.get(tenant, submitted(database, tenant))
    rows = [bill(own, at=START + number) for number in (1, 2)]
    assert len(imported(log, tenant, *rows).added) == 1
    assert len(log.all(tenant, EVERYTHING)) == 2


def test_an_export_is_known_here_and_elsewhere_once(database: Database, tenant: str, log: AttemptLog) -> None:
    own = submitted(database, tenant, at=START + 0.25, outcome="done", state="blocked", explanation=None)
    added = report(log, tenant, amount=1, currency="USD")
    rows = [read_attempt(log.get(tenant, one).as_json()) for one in (own, added.id)]
    assert rows[0].at == START + 0.25
    assert (rows[0].outcome, rows[0].file_came) == (AttemptOutcome.STOPPED, True)
    assert imported(log, tenant, *rows).added == ()
    other = Accounts(database).create_tenant("other").id
    assert len(imported(log, other, *rows).added) == 2
    part = AttemptRefund(amount=0.5, currency="USD")
    log.refund(tenant, added.id, part, at=START, actor="operator")
    assert imported(log, other, read_attempt(log.get(tenant, added.id).as_json())).added == ()


def test_the_refund_of_an_imported_bill_and_of_no_reported_one_is_recorded_with_the_gateways_attempt_once(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    own = log.get(tenant, submitted(database, tenant))
    row = bill(own, refunded=0.1)
    with pytest.raises(InvalidField, match=f"--refund-of {own.id}") as refused:
        log.add(tenant, [*failed_rows(1), row], origin=AttemptOrigin.REPORTED, actor="key:1")
    assert refused.value.param == "refunded"
    assert [one.id for one in log.all(tenant, EVERYTHING)] == [own.id]
    assert log.get(tenant, own.id).refunds == ()
    for _ in range(2):
        assert imported(log, tenant, row).added == ()
        assert log.get(tenant, own.id).refunded_amount == 0.1
    with database.read_transaction(tenant=tenant) as tx:
        audited = tx.select(tables.audit_log, tables.audit_log.c.event == "attempt.refunded")
    assert [entry.subject for entry in audited] == [own.id]


def test_a_second_charge_is_found_if_the_first_one_has_another_provider_or_is_before_the_period(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    own = log.get(tenant, submitted(database, tenant, outcome="done", state="delivered", explanation=None))
    rows = [bill(own, at=START + 86_400 * day) for day in (1, 2)]
    (second,) = imported(log, tenant, *rows).added
    wanted = AttemptFilter(provider="runway", since=START + 86_400)
    chosen = choose_attempts(log, tenant, wanted)
    assert [one.id for one in chosen.attempts] == [second.id]
    assert chosen.second_charges == {second.id}


def test_nothing_is_stored_if_one_row_fails(
    tenant: str, log: AttemptLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safelight.providers.attempts import attempt_log

    ids = iter([new_id("attempt")])
    monkeypatch.setattr(attempt_log, "new_id", lambda _kind: next(ids))
    with pytest.raises(StopIteration):
        imported(log, tenant, *failed_rows(2))
    assert log.all(tenant, EVERYTHING) == ()


def test_refunds_of_own_and_reported_attempts_end_at_the_charge(
    database: Database, tenant: str, log: AttemptLog
) -> None:
    def refund(attempt_id: str, amount: float | None, currency: str = "USD") -> AttemptRecord:
        wanted = AttemptRefund(amount=amount, currency=currency)
        return log.refund(tenant, attempt_id, wanted, at=START, actor="operator")

    reported = report(log, tenant, amount=1, currency="USD", refunded=0.25)
    assert (reported.refunded_amount, reported.is_refunded) == (0.25, False)
    found = refund(reported.id, 0.5)
    assert (found.refunded_amount, found.is_refunded) == (0.75, False)
    own, free = submitted(database, tenant), report(log, tenant, amount=0, time=START + 1)
    whole = refund(own, None, "")
    assert (whole.refunded_amount, whole.is_refunded) == (0.25, True)
    for attempt_id, amount, currency, said in (
        (reported.id, 0.5, "USD", r"Only \$0\.25"),
        (reported.id, 0.1, "CNY", "CNY"),
        (own, 0.5, "USD", "already"),
        (free.id, 0.5, "USD", "Nothing was charged"),
    ):
        with pytest.raises(InvalidField, match=said):
            refund(attempt_id, amount, currency)
    assert {one.id for one in log.all(tenant, EVERYTHING)} == {reported.id, own, free.id}
