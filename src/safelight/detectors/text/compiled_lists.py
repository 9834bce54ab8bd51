"""Compiled lists: the parsed content of YAML files, stored in the cache folder, because parsing takes a
third of a second at each start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from .minilm.cache import default_folder, load_or_build

#: Part of each file name. Increase it if the meaning of a stored field changes.
FORMAT = "1"
T = TypeVar("T")


def load_compiled(name: str, texts: Sequence[str], parse: Callable[[], T], kind: type[T]) -> T:
    """The parsed content of these texts: from the cache, or from `parse`, which is then stored.

    The file name contains a hash of the texts, so that a changed list is parsed again.
    """
    digest = hashlib.sha256("\0".join((FORMAT, repr(kind), *texts)).encode()).hexdigest()[:16]
    name = f"{name}-{digest}"
    data = load_or_build(default_folder(), name, lambda: msgspec.msgpack.encode(parse()), suffix=".msgpack")
    try:
        return msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError:
        # Written by a version of the code whose lists have the same text but other fields.
        return parse()
