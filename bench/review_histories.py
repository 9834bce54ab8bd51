"""Reviewers who work on 10,000 cases, with crashes: `python -m bench.review_histories`.

The steps and the conditions are those of the stateful test (tests/support/review_world.py), in one long
random history on SQLite instead of many short ones. A crash is an error in the middle of a transaction,
after which the executor starts again without its memory; the process itself goes on.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.store.tables import case_conflicts, cases, decisions

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.review_room import TENANT, Clock, ReviewRoom
from support.review_world import ReviewWorld, new_world

#: Cases between two lines of progress.
_PROGRESS = 1000
#: How often each step is chosen. Cases are opened more slowly than reviewers take them, so that most have an
#: end before the last one is opened.
_STEPS = {
    "hold": 5,
    "appeal": 2,
    "decide": 9,
    "take": 1,
    "reserve": 5,
    "undo": 2,
    "give back": 2,
    "wait": 3,
    "carry out": 3,
}


def step(world: ReviewWorld, chance: random.Random, people: int) -> str:
    """One random step. Returns its name."""
    name = chance.choices(list(_STEPS), weights=list(_STEPS.values()))[0]
    person, number = chance.randrange(people), chance.randrange(1000)
    match name:
        case "hold":
            parent = chance.randrange(1_000_000) if chance.random() < 0.3 else None
            world.open_hold(number, same_prompt=chance.random() < 0.3, parent=parent, requester=person)
        case "appeal":
            world.open_appeal(number)
        case "take":
            world.take(person)
        case "reserve":
            world.take(person)
            world.reserve(person)
        case "decide":
            world.take(person)
            first, undoable = chance.random() < 0.5, chance.random() < 0.7
            world.decide(person, first_action=first, undoable=undoable, crash=chance.random() < 0.1)
        case "undo":
            world.undo(person)
        case "give back":
            world.take(person)
            world.give_back(person, how=number)
        case "wait":
            world.wait(chance.choice([1.0, 11.0, 121.0]))
        case "carry out":
            world.carry_out(crash=chance.random() < 0.1)
    return name


def lost_cases(world: ReviewWorld) -> dict[str, int]:
    """What must be zero, counted in the database."""
    with world.room.database.read_transaction(TENANT) as tx:
        states = Counter(row.state for row in tx.select(cases, columns=[cases.c.state]))
        made = [(row.case_id, row.decided_by) for row in tx.select(decisions)]
        forbidden = {(row.case_id, row.person) for row in tx.select(case_conflicts)}
    times = Counter(case for case, _ in made)
    return {
        "lost": world.opened - states["decided"],
        "decided twice": sum(count > 1 for count in times.values()),
        "decided by an involved person": sum(one in forbidden for one in made),
        "applied twice": sum(count > 1 for count in Counter(world.room.actions.applied).values()),
    }


def run(folder: Path, *, count: int, people: int, seed: int) -> dict[str, Any]:
    chance, clock, url = random.Random(seed), Clock(), f"sqlite:///{folder / 'bench.sqlite3'}"
    began = time.perf_counter()
    with closing(Database(url, clock=clock)) as database:
        migrate(database)
        world = new_world(ReviewRoom(database, clock), people=people)
        steps: Counter[str] = Counter()
        shown = 0
        while world.opened < count:
            steps[step(world, chance, people)] += 1
            if world.opened // _PROGRESS > shown:
                shown = world.opened // _PROGRESS
                print(f"{world.opened} cases", file=sys.stderr, flush=True)
        world.finish()
        with database.read_transaction(TENANT) as tx:
            kinds = Counter(row.kind for row in tx.select(cases, columns=[cases.c.kind]))
            conflicts = tx.count(case_conflicts)
        return {
            "seed": seed,
            "reviewers": people,
            "cases": dict(kinds),
            "steps": dict(steps),
            "restarts": world.crashes,
            "people listed as involved": conflicts,
            **lost_cases(world),
            "seconds": round(time.perf_counter() - began),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # Each crash would be logged with its traceback.
    logging.disable(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        report = run(Path(folder), count=options.cases, people=options.reviewers, seed=options.seed)
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
