"""Reads the tables under `data/`, and says where a statement comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from safelight.core.i18n import Messages, translate_sentence


@dataclass(frozen=True, kw_only=True)
class AdviceSource:
    """Where a statement comes from. `read`: the date on which it was read, empty for our own detectors and if
    no source is documented.
    """

    title: str
    read: str = ""
    #: The provider that it is about; empty if it names none or several.
    about: str = ""

    @property
    def url(self) -> str:
        """The address of the page; empty if none is known."""
        return next((url for start, url in addresses().items() if self.title.startswith(start)), "")

    def as_wire(self, messages: Messages) -> dict[str, str | None]:
        title = translate_sentence("provider_rules", self.title, messages.tag) or self.title
        return {"title": title, "read": self.read or None, "url": self.url or None}


@cache
def addresses() -> Mapping[str, str]:
    """The address of each page that is cited, by the start of the source's title."""
    return {row["source"]: row["url"] for row in read_rows("addresses")}


def read_rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of one table, by the names of its columns."""
    text = resources.files(__package__).joinpath("data", f"{name}.tsv").read_text("utf-8")
    head, *lines = text.splitlines()
    names = head.split("\t")
    for line in lines:
        yield dict(zip(names, line.split("\t"), strict=True))
