"""Halts: views and operations."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from safelight.accounts.halts import READERS, WRITERS, Halts
from safelight.policy.halts import Halt
from safelight.web.operations import Operations
from safelight.web.views import ListPage, show

operations = Operations("/v1/safelight/halts", tag="halts", scopes=READERS, of=attrgetter("halts"))
changes = Operations(operations.prefix, tag=operations.tag, scopes=WRITERS, statuses=(409,), of=operations.of)


@dataclass(frozen=True, kw_only=True)
class HaltObject(Halt):
    object: Literal["halt"] = "halt"


@dataclass(frozen=True, kw_only=True)
class HaltList(ListPage):
    data: tuple[HaltObject, ...]


def show_halt(found: Halt) -> HaltObject:
    return show(HaltObject, found)


def show_list(found: list[Halt]) -> HaltList:
    return HaltList.page(map(show_halt, found))


operations.add("GET ", "List halts in force", Halts.list, shows=show_list, name="list_halts")
changes.add(
    "POST ",
    "Halt a model, a category or the own tenant",
    Halts.create,
    shows=show_halt,
    description="For the own tenant. Only the operator, at the terminal, halts something for all tenants.",
    name="create_halt",
)
changes.add("DELETE /{halt_id}", "End a halt", Halts.end, 404, shows=show_halt, name="end_halt")
