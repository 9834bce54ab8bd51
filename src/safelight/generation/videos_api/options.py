"""Settings of one upstream server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import msgspec

from safelight.errors import SettingsError
from safelight.generation.protocol import MEDIA_FIELDS, Billing, Derivation, GeneratorInfo

#: Fields that every create request may have. `extra_fields` must not name them.
OWN_FIELDS = frozenset({"prompt", "model", "seconds", "size", "input_reference", "metadata"})
_TYPES: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
_SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")

Positive = Annotated[float, msgspec.Meta(gt=0)]


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of one upstream. Durations are in seconds, prices in US dollars."""

    #: The base URL including the version: `http://gpu-1:8091/v1`.
    url: str
    api_key: str = ""
    name: str = "videos_api"
    billing: Billing = Billing.PAID
    models: tuple[str, ...] = ()
    #: Other names that requests may use for these models, each with its model.
    aliases: dict[str, str] = {}
    seconds: tuple[int, ...] = (4, 8, 12)
    #: Supported sizes, such as `1280x720`; empty: any size.
    sizes: tuple[str, ...] = ()
    #: How many requests one process has at the server at the same time; the others wait.
    max_concurrent: Annotated[int, msgspec.Meta(ge=1)] = 32
    #: After this number of refusals by the provider in a UTC day, no request is sent until the next day.
    max_refusals_per_day: Annotated[int, msgspec.Meta(ge=1)] | None = None
    #: Extra request fields that are passed on, with their types.
    extra_fields: dict[str, Literal["int", "float", "bool", "str"]] = {}
    #: The extra fields that contain text.
    text_fields: frozenset[str] = frozenset()
    usd_per_second: Annotated[float, msgspec.Meta(ge=0)] | None = None
    #: The server's name for the file field `input_reference`; empty: files are not supported.
    reference_field: str = "input_reference"
    #: Other fields with media that the server accepts, each with its form: `file` (a part of the form), `url`
    #: (a data URL), or `json` (a JSON object with a data URL as `image_url` or `video_url`).
    media_fields: dict[str, Literal["file", "url", "json"]] = {}
    #: Derivations that the server supports with OpenAI's routes `/remix`, `/edits` and `/extensions`.
    operations: frozenset[Derivation] = frozenset()
    #: Whether to send a remix as a new video with all prompts combined, if the server cannot remix or no
    #: longer has the source.
    remix_as_new: bool = False
    #: The server's field name for a character's clip; empty: characters are not supported.
    character_field: str = ""
    #: Encoding of requests without a file; requests with a file are always multipart. Some SGLang versions
    #: accept requests without a file only as JSON.
    request_encoding: Literal["multipart", "json"] = "multipart"
    #: Name of our idempotency key in `metadata`, if the server accepts and returns metadata; else empty.
    idempotency_metadata_key: str = ""
    #: Seconds until an accepted request appears in the server's list.
    list_lag_s: Positive = 10.0
    safety_settings: dict[str, str] = {}
    connect_timeout_s: Positive = 5.0
    submit_timeout_s: Positive = 120.0
    poll_timeout_s: Positive = 15.0
    fetch_timeout_s: Positive = 600.0
    ca_file: str = ""
    proxy: str = ""
    #: Hosts in private networks to which downloads may be redirected, as `host` or `host:port`.
    content_hosts: frozenset[str] = frozenset()

    @property
    def host_and_port(self) -> str:
        """The server's `host:port`, with the standard port of its scheme if `url` names none."""
        url = httpx.URL(self.url)
        host = f"[{url.host}]" if ":" in url.host else url.host
        return f"{host}:{url.port or (443 if url.scheme == 'https' else 80)}"

    def info(self) -> GeneratorInfo:
        own = self.billing is Billing.OWN
        return GeneratorInfo(
            models=self.models,
            aliases=self.aliases,
            seconds=self.seconds,
            sizes=tuple(_size(text, self.name) for text in self.sizes),
            extra_fields={name: _TYPES[kind] for name, kind in self.extra_fields.items()},
            text_fields=self.text_fields,
            max_concurrent=self.max_concurrent,
            max_refusals_per_day=self.max_refusals_per_day,
            takes_reference=bool(self.reference_field),
            media_fields=frozenset(self.media_fields),
            remix=Derivation.REMIX in self.operations or self.remix_as_new,
            edit=Derivation.EDIT in self.operations,
            extend=Derivation.EXTEND in self.operations,
            takes_clips=bool({Derivation.EDIT, Derivation.EXTEND} & self.operations),
            remix_needs_upstream=Derivation.REMIX in self.operations and not self.remix_as_new,
            takes_characters=bool(self.character_field),
            usd_per_second=0.0 if own and self.usd_per_second is None else self.usd_per_second,
            safety_settings=self.safety_settings,
        )


def read_options(table: dict[str, Any]) -> Options:
    """The validated options of a settings table. Raises `SettingsError` with the invalid option and the
    reason.
    """
    name = str(table.get("name", "videos_api"))
    try:
        options = msgspec.convert(table, Options)
    except msgspec.ValidationError as error:
        raise SettingsError(f"The settings of the generator {name!r} are invalid: {error}.") from error
    for problem in _problems(options):
        raise SettingsError(f"The settings of the generator {name!r} are invalid: {problem}")
    options.info()
    return options


def _problems(options: Options) -> list[str]:
    problems = []
    try:
        url = httpx.URL(options.url)
        if url.scheme not in {"http", "https"} or not url.host:
            problems.append("`url` must be an http or https address such as http://gpu-1:8091/v1.")
        if url.userinfo or url.query or url.fragment:
            problems.append("`url` must not have a user name, query or fragment; put the key into `api_key`.")
    except httpx.InvalidURL:
        problems.append("`url` cannot be parsed.")
    if not options.api_key.isascii() or not options.api_key.isprintable() or " " in options.api_key:
        problems.append("`api_key` contains characters that cannot be sent.")
    if taken := OWN_FIELDS & options.extra_fields.keys():
        problems.append(f"`extra_fields` names {min(taken)}, which is part of every request.")
    if unknown := options.media_fields.keys() - (MEDIA_FIELDS - OWN_FIELDS):
        problems.append(
            f"`media_fields` names {min(unknown)}; known are {', '.join(sorted(MEDIA_FIELDS - OWN_FIELDS))}."
        )
    if taken := (MEDIA_FIELDS - OWN_FIELDS) & options.extra_fields.keys():
        problems.append(
            f"`extra_fields` names {min(taken)}, which contains media: put it into `media_fields`."
        )
    if both := options.aliases.keys() & set(options.models):
        problems.append(f"`aliases` has the name {min(both)}, which is a model.")
    if nameless := set(options.aliases.values()) - set(options.models):
        problems.append(f"`aliases` names the model {min(nameless)}, which is not in `models`.")
    if missing := options.text_fields - options.extra_fields.keys():
        problems.append(f"`text_fields` names {min(missing)}, which is not in `extra_fields`.")
    if not options.seconds or min(options.seconds) < 1:
        problems.append("`seconds` must list at least one length of 1 or more.")
    if options.ca_file and not Path(options.ca_file).is_file():
        problems.append("`ca_file` does not exist.")
    return problems


def _size(text: str, name: str) -> tuple[int, int]:
    found = _SIZE.fullmatch(text)
    if found is None:
        raise SettingsError(
            f"The settings of the generator {name!r} are invalid: `sizes` contains {text!r}, "
            "expected a form like 1280x720."
        )
    return int(found.group(1)), int(found.group(2))
