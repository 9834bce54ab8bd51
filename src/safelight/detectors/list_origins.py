"""Where lists come from: owner, source and last review of shipped lists and of the operator's lists, and
which of them are stale.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from safelight.core.errors import InvalidField

from .image.hash_lists import RESERVED_PREFIX
from .list_folder import ListFolder, ListOrigin

#: The owner of the shipped lists.
_PROJECT = "Safelight"
#: Line of a shipped list with the day of its last review, near its top.
_REVIEWED = re.compile(r'^(?:# )?reviewed: "(\d{4}-\d\d-\d\d)"$', re.MULTILINE)
_OWN_WORK = "written for this project"


class ListKind(StrEnum):
    SHIPPED = "shipped"
    NAMES = "names"
    HASHES = "hashes"


class ListProblem(StrEnum):
    NO_OWNER = "no_owner"
    NO_SOURCE = "no_source"
    #: The last review is longer ago than the review period.
    STALE = "stale"


class ListRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A list with its origin. `name` begins with the kind, such as `names/own`."""

    name: str
    kind: ListKind
    owner: str
    source: str
    #: Day of the last review; of an operator's list that was never reviewed, of its last change.
    date: str
    review_days: int
    problems: tuple[ListProblem, ...]


@dataclass(frozen=True, kw_only=True)
class _ShippedFolder:
    package: str
    folder: str
    source: str
    review_days: int
    suffix: str = ".yaml"


_SHIPPED = (
    _ShippedFolder(package="safelight.detectors.text", folder="lists", source=_OWN_WORK, review_days=365),
    _ShippedFolder(
        package="safelight.detectors.text", folder="lists/entities", source=_OWN_WORK, review_days=180
    ),
    _ShippedFolder(
        package="safelight.detectors.text", folder="compositions", source=_OWN_WORK, review_days=365
    ),
    _ShippedFolder(
        package="safelight.detectors.text", folder="indicators", source=_OWN_WORK, review_days=365
    ),
    _ShippedFolder(
        package="safelight.policy",
        folder="",
        source="general knowledge, not looked up at the services",
        review_days=180,
        suffix="help_lines.yaml",
    ),
)


def check_lists(folders: Iterable[tuple[ListKind, ListFolder]], *, today: dt.date) -> tuple[ListRecord, ...]:
    """Every shipped list and every list of these folders, with its problems. Lists that the gateway writes
    itself from its own database are left out.
    """
    return (
        *(one for group in _SHIPPED for one in _check_shipped(group, today)),
        *(
            _check(kind, name, folder.origin(name), today)
            for kind, folder in folders
            for name in folder.names()
            if not name.startswith(RESERVED_PREFIX)
        ),
    )


def split_name(name: str) -> tuple[ListKind, str]:
    """Kind and name of an operator's list. Raises `InvalidField`."""
    kind, _, rest = name.partition("/")
    if kind not in (ListKind.NAMES, ListKind.HASHES) or not rest:
        raise InvalidField(
            f"{name!r} is not the name of a list of yours.",
            param="name",
            remedy="Write it as `safelight lists check` prints it, such as names/own.",
        )
    return ListKind(kind), rest


def _check_shipped(group: _ShippedFolder, today: dt.date) -> Iterator[ListRecord]:
    folder: Traversable = files(group.package)
    for part in filter(None, group.folder.split("/")):
        folder /= part
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(group.suffix):
            name = f"{group.folder}/{file.name}".strip("/").removesuffix(".yaml")
            found = _REVIEWED.search(file.read_text(encoding="utf-8")[:1000])
            origin = ListOrigin(
                owner=_PROJECT,
                source=group.source,
                reviewed=found[1] if found else "",
                review_days=group.review_days,
            )
            yield _check(ListKind.SHIPPED, name, origin, today)


def _check(kind: ListKind, name: str, origin: ListOrigin, today: dt.date) -> ListRecord:
    problems = {
        ListProblem.NO_OWNER: not origin.owner,
        ListProblem.NO_SOURCE: not origin.source,
        ListProblem.STALE: not origin.reviewed
        or (today - dt.date.fromisoformat(origin.reviewed)).days > origin.review_days,
    }
    return ListRecord(
        name=f"{kind.value}/{name}",
        kind=kind,
        owner=origin.owner,
        source=origin.source,
        date=origin.reviewed,
        review_days=origin.review_days,
        problems=tuple(problem for problem, exists in problems.items() if exists),
    )
