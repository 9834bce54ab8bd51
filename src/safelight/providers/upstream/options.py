"""Settings that every remote generator has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

import httpx
import msgspec

from safelight.core.errors import SettingsError
from safelight.providers.protocol import GeneratorInfo

AtLeastOne: TypeAlias = Annotated[int, msgspec.Meta(ge=1)]
_SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")

#: The types of extra request fields, by their names in the settings.
FIELD_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
Positive = Annotated[float, msgspec.Meta(gt=0)]


class RemoteOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one upstream. Durations are in seconds, prices in US dollars."""

    url: str
    api_key: str = ""
    name: str = "upstream"
    models: tuple[str, ...] = ()
    #: Other names that requests may use for these models, each with its model.
    aliases: dict[str, str] = {}
    seconds: tuple[int, ...] = (4, 8, 12)
    #: Supported sizes, such as `1280x720`; empty: any size.
    sizes: tuple[str, ...] = ()
    #: How many requests all processes have at the server at the same time; the others wait.
    max_concurrent: AtLeastOne = 32
    #: How many requests all processes submit within 60 seconds; the others wait.
    max_submissions_per_minute: AtLeastOne | None = None
    #: After this number of refusals by the provider in a UTC day, no request is sent until the next day.
    max_refusals_per_day: AtLeastOne | None = None
    usd_per_second: Annotated[float, msgspec.Meta(ge=0)] | None = None
    connect_timeout_s: Positive = 5.0
    submit_timeout_s: Positive = 120.0
    poll_timeout_s: Positive = 15.0
    fetch_timeout_s: Positive = 600.0
    ca_file: str = ""
    proxy: str = ""
    #: Hosts in private networks from which finished videos may be downloaded, as `host` or `host:port`.
    content_hosts: frozenset[str] = frozenset()

    @property
    def host_and_port(self) -> str:
        """The server's `host:port`, with the standard port of its scheme if `url` names none."""
        url = httpx.URL(self.url)
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{host}:{url.port or (443 if url.scheme == 'https' else 80)}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """All keys, which are masked in answers; the longest first, because one may contain another."""
        keys = (getattr(self, name) for name in self.__struct_fields__ if name.endswith("api_key"))
        return tuple(sorted(keys, key=len, reverse=True))

    def read_sizes(self) -> tuple[tuple[int, int], ...]:
        """The supported sizes as (width, height). Raises `SettingsError`."""
        return tuple(_size(text, self.name) for text in self.sizes)

    def info(self) -> GeneratorInfo:
        """What the settings say about the generator; an adapter adds its own."""
        return GeneratorInfo(
            models=self.models,
            aliases=self.aliases,
            seconds=self.seconds,
            sizes=self.read_sizes(),
            max_concurrent=self.max_concurrent,
            max_submissions_per_minute=self.max_submissions_per_minute,
            max_refusals_per_day=self.max_refusals_per_day,
            usd_per_second=self.usd_per_second,
        )

    def problems(self) -> Iterator[str]:
        """What is wrong with the settings; an adapter adds its own."""
        try:
            url = httpx.URL(self.url)
            if url.scheme not in {"http", "https"} or not url.host:
                yield "`url` must be an http or https address such as http://gpu-1:8091/v1."
            if url.userinfo or url.query or url.fragment:
                yield "`url` must not have a user name, query or fragment; put the key into `api_key`."
        except httpx.InvalidURL:
            yield "`url` cannot be parsed."
        if not self.api_key.isascii() or not self.api_key.isprintable() or " " in self.api_key:
            yield "`api_key` contains characters that cannot be sent."
        if both := self.aliases.keys() & set(self.models):
            yield f"`aliases` has the name {min(both)}, which is a model."
        if nameless := set(self.aliases.values()) - set(self.models):
            yield f"`aliases` names the model {min(nameless)}, which is not in `models`."
        if not self.seconds or min(self.seconds) < 1:
            yield "`seconds` must list at least one length of 1 or more."
        if self.ca_file and not Path(self.ca_file).is_file():
            yield "`ca_file` does not exist."


AnyOptions = TypeVar("AnyOptions", bound=RemoteOptions)


def convert_options(table: dict[str, Any], kind: type[AnyOptions]) -> AnyOptions:
    """The validated options of a settings table. Raises `SettingsError` with the invalid option and the
    reason.
    """
    name = str(table.get("name", "upstream"))
    try:
        options = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise SettingsError(f"The settings of the generator {name!r} are invalid: {error}.") from error
    for problem in options.problems():
        raise SettingsError(f"The settings of the generator {name!r} are invalid: {problem}")
    options.read_sizes()
    return options


def _size(text: str, name: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise SettingsError(
            f"The settings of the generator {name!r} are invalid: `sizes` contains {text!r}, "
            "expected a form like 1280x720."
        )
    return int(found.group(1)), int(found.group(2))
