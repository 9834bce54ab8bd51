"""Canaries of an installation: proven prompts, the rounds of the background part, and a clock to move."""

from __future__ import annotations

from typing import Any

from safelight.core.ids import new_id
from safelight.providers import library
from safelight.providers.attempts.attempt_log import AttemptLog
from safelight.providers.attempts.canaries.models import Canary, CanaryReport, NewCanary
from safelight.providers.attempts.canaries.service import Canaries
from safelight.providers.attempts.models import AttemptFilter
from safelight.store import tables
from safelight.store.database import Database

from .house import House

HOUR_S, DAY_S = 3_600.0, 86_400.0
PROMPT = "a quiet lake at dawn"


class Time:
    """The wall clock of the database, which the test moves."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, database.clock()
        database.clock = lambda: self.now

    def pass_s(self, seconds: float) -> None:
        self.now += seconds


def record_videos(house: House, entry: str, *outcomes: str, prompt: str = PROMPT) -> None:
    """Videos with the prompt of an entry, as if the provider had answered."""
    with house.container.persistence.database.transaction(house.who.tenant) as tx:
        for outcome in outcomes:
            video, delivered = new_id("video"), outcome == "done"
            tx.insert(
                tables.videos,
                id=video,
                state="delivered" if delivered else "blocked",
                stage="delivery",
                created_at=tx.now(),
                updated_at=tx.now(),
                principal_id="key_1",
                model="paid-1",
                generator="paid",
                prompt=prompt,
                seconds=4,
                width=1280,
                height=720,
                request=b"{}",
                request_sha256="0" * 64,
                error_code=None if delivered else "moderation_blocked",
            )
            tx.insert(
                tables.attempts,
                id=new_id("attempt"),
                video_id=video,
                number=1,
                generator="paid",
                billing="paid",
                idempotency_key=video,
                created_at=tx.now(),
                ended_at=tx.now(),
                outcome=outcome,
            )
            tx.insert(tables.library_uses, entry_id=entry, video_id=video)


def add_entry(house: House, passes: int = 5, prompt: str = PROMPT) -> str:
    with house.container.persistence.database.transaction(house.who.tenant) as tx:
        entry = library.insert_entry(tx, prompt=prompt, category="landscape", notes="", created_by="key_1")
    assert entry is not None
    record_videos(house, entry, *["done"] * passes, prompt=prompt)
    return entry


def service(house: House) -> Canaries:
    return house.container.canaries


def new(entry: str, **fields: Any) -> NewCanary:
    return NewCanary(
        **{"entry_id": entry, "model": "paid-1", "per_day": 24, "ceiling_micros": 20_000_000, **fields}
    )


def add(house: House, entry: str, **fields: Any) -> CanaryReport:
    return service(house).add(house.who, new(entry, **fields))


def switch_on(house: House, canary: Canary, *, month_micros: int = 10**12) -> CanaryReport:
    return service(house).switch_on(house.who, canary.id, month_micros=month_micros)


def switch_off(house: House, canary: Canary) -> CanaryReport:
    return service(house).switch_off(house.who, canary.id)


def request_call(house: House, canary: Canary) -> CanaryReport:
    return service(house).run(house.who, canary.id)


def remove(house: House, canary: Canary) -> None:
    service(house).remove(house.who, canary.id)


def switched_on(house: House, entry: str | None = None, **fields: Any) -> Canary:
    added = add(house, entry or add_entry(house), **fields).canary
    return switch_on(house, added, month_micros=added.month_micros).canary


def work(house: House) -> None:
    """One round of the background part."""
    sender = house.container.background.canary_sender
    for task in (sender.send_due, sender.follow, sender.delete_copies):
        task()


def state_of(house: House, canary: Canary) -> CanaryReport:
    return service(house).get(house.who, canary.id)


def log_of(house: House, **fields: Any) -> list[Any]:
    log = AttemptLog(house.container.persistence.database)
    return list(log.page(house.who.tenant, AttemptFilter(**fields)).items)
