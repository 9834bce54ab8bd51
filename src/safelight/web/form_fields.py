"""Form field names in the SDKs' bracket notation: `metadata[a]`, `tags[]`, `input_reference[image_url]`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from safelight.errors import InvalidField

MAX_DEPTH = 4
_NAME = re.compile(r"(?P<root>[^\[\]]+)(?P<rest>(?:\[[^\[\]]*\])*)\Z")
_STEP = re.compile(r"\[([^\[\]]*)\]")


def nest(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The nested document of flat form fields.

    A field name that occurs twice is rejected unless it ends in `[]`, because two parsers could choose
    different values.
    """
    document: dict[str, Any] = {}
    for name, value in pairs:
        _put(document, name, _path(name), value)
    return document


def format_name(path: Iterable[str | int]) -> str:
    """The bracket name of a path in a nested document: `("a", "b", 0)` is `a[b][0]`."""
    root, *rest = path
    return str(root) + "".join(f"[{step}]" for step in rest)


def _path(name: str) -> list[str]:
    match = _NAME.match(name)
    if match is None:
        raise InvalidField(
            "This field name is not well formed. Write it like `metadata[name]`.", param=name[:200]
        )
    path = [match["root"], *_STEP.findall(match["rest"])]
    if len(path) > MAX_DEPTH:
        raise InvalidField(f"Fields may be nested at most {MAX_DEPTH} levels deep.", param=name[:200])
    return path


def _put(document: dict[str, Any], name: str, path: list[str], value: str) -> None:
    place: Any = document
    for step, following in zip(path, [*path[1:], None], strict=True):
        fresh: Any = value if following is None else [] if following == "" else {}
        if isinstance(place, list):
            if step != "":
                raise InvalidField("This field is used both as a list and as an object.", param=name)
            place.append(fresh)
            place = fresh
        elif step == "":
            raise InvalidField("This field is used both as a list and as an object.", param=name)
        elif step not in place:
            place[step] = fresh
            place = fresh
        elif following is None or not isinstance(place[step], type(fresh)):
            raise InvalidField("This field is given more than once.", param=name)
        else:
            place = place[step]
