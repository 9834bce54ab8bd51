"""Upstreams that do not finish, or whose finished videos cannot be downloaded."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import Select, select

from safelight.core.errors import DeadlineExceeded, Withdrawn
from safelight.providers.protocol import ChargeStatus
from safelight.store.database import Transaction
from safelight.store.tables import attempts, videos
from safelight_client.money import format_money

from .models import VideoState

#: The slowest of this number of finished requests is what an upstream is compared with.
_COMPARED = 20
#: The outcomes of requests that the upstream did not end: here, or by its loss.
_NOT_ENDED_THERE = (DeadlineExceeded.code, Withdrawn.code, "lost")


def stuck_upstreams(tx: Transaction) -> dict[str, str]:
    """The sentence about each such upstream, of all processes and tenants.

    An upstream that has never finished a video is not named: it has nothing to be compared with. A refusal
    or a failure can come at once, so it does not show how long a video takes.
    """
    waiting: dict[str, list[float]] = {}
    finished: dict[str, list[tuple[float, float]]] = {}
    unfinished = _accepted().where(
        attempts.c.ended_at.is_(None), videos.c.state == VideoState.GENERATING.value
    )
    for row in tx.execute(unfinished):
        if row.generated_at is None:
            waiting.setdefault(row.generator, []).append(row.submitted_at)
        else:
            finished.setdefault(row.generator, []).append((row.submitted_at, row.generated_at))
    found = {}
    for name, submitted in waiting.items():
        ended = (
            _accepted()
            .where(
                attempts.c.generator == name,
                attempts.c.ended_at.is_not(None),
                attempts.c.outcome.not_in(_NOT_ENDED_THERE),
            )
            .order_by(attempts.c.ended_at.desc())
            .limit(_COMPARED)
        )
        rows = tx.execute(ended).all()
        took_s = [end - begin for begin, end in finished.get(name, [])]
        took_s += [row.generated_at - row.submitted_at for row in rows if row.generated_at is not None]
        if not took_s:
            continue
        ends = [end for _, end in finished.get(name, [])]
        ends += [row.generated_at or row.ended_at for row in rows]
        none_for_s = tx.now() - max(min(submitted), *ends)
        if none_for_s > max(took_s):
            found[name] = (
                f"it has {len(submitted)} unfinished requests and has finished none for {none_for_s:.0f} s; "
                f"the slowest of its last {len(took_s)} took {max(took_s):.0f} s"
            )
    return found


def cut_downloads(tx: Transaction) -> dict[str, str]:
    """The sentence about each upstream with finished videos whose download fails again and again."""
    rows = tx.execute(
        _accepted()
        .add_columns(
            videos.c.download_problem, attempts.c.amount, attempts.c.currency, attempts.c.charge_status
        )
        .where(
            attempts.c.ended_at.is_(None),
            videos.c.download_problem.is_not(None),
            videos.c.state == VideoState.GENERATING.value,
        )
        .order_by(attempts.c.submitted_at)
    ).all()
    found = {}
    for name in dict.fromkeys(row.generator for row in rows):
        mine = [row for row in rows if row.generator == name]
        costs: Counter[str] = Counter()
        for row in mine:
            if row.charge_status == ChargeStatus.YES and row.amount is not None:
                costs[row.currency] += row.amount
        paid = ", ".join(format_money(amount, currency) for currency, amount in costs.items())
        cost = f", which cost {paid}" if paid else ""
        plural, first = ("s", "; the first") if len(mine) > 1 else ("", "")
        problem = mine[0].download_problem
        found[name] = f"{len(mine)} finished video{plural} cannot be downloaded{cost}{first}: {problem}"
    return found


def _accepted() -> Select[tuple[str, float, float | None, float | None]]:
    """The requests that an upstream has accepted. Both queries read them by an index."""
    same = (attempts.c.tenant_id == videos.c.tenant_id) & (attempts.c.video_id == videos.c.id)
    return (
        select(attempts.c.generator, attempts.c.submitted_at, attempts.c.ended_at, videos.c.generated_at)
        .join(videos, same)
        .where(attempts.c.submitted_at.is_not(None))
    )
