"""Parses the fields of a request body into a `CreateRequest`. It drops no field and checks no policy."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from safelight.errors import InvalidField
from safelight.generation.protocol import MEDIA_FIELDS
from safelight.moderation.field_problems import FieldProblems
from safelight.moderation.request import CreateRequest, Upload
from safelight.policy.intended_use import IntendedUse
from safelight.web.form_fields import format_name

from .intended_use import read_intended_use

#: Keys of an object that hold a URL, such as `{"image_url": ...}` and `{"image_url": {"url": ...}}`.
_URL_KEYS = frozenset({"url", "uri", "image_url", "video_url", "audio_url", "image", "video", "audio"})
_SCHEMES = ("https://", "http://", "data:")

_OURS = frozenset(
    {"prompt", "model", "seconds", "size", "characters", "safety_identifier", "user", "metadata", "safelight"}
)
MAX_DEPTH = 12
MAX_METADATA = 16
MAX_METADATA_KEY = 64
MAX_METADATA_VALUE = 512
MAX_SAFETY_IDENTIFIER = 128
MAX_IDEMPOTENCY_KEY = 255
#: Maximum length in characters of the fields with one word.
_MAX_WORD = {
    "model": 200,
    "seconds": 20,
    "size": 20,
    "safety_identifier": MAX_SAFETY_IDENTIFIER,
    "user": MAX_SAFETY_IDENTIFIER,
}


def create_request(
    fields: Mapping[str, Any],
    uploads: tuple[Upload, ...] = (),
    *,
    max_prompt_chars: int,
    idempotency_key: str | None = None,
    problems: FieldProblems | None = None,
) -> CreateRequest:
    """The parsed request. Raises `InvalidField`, which names all fields with a wrong type, length or
    character.

    With `problems`, wrong types and lengths are added there and not raised, so that admission names them
    together with what it finds. Texts that are not Unicode or too deeply nested are raised in any case.
    """
    is_deferred = problems is not None
    problems = FieldProblems() if problems is None else problems
    unreadable = FieldProblems()
    for name, value in fields.items():
        with unreadable.collected():
            _check_texts(name, value)
    if unreadable:
        is_deferred, problems = False, unreadable
    words: dict[str, str | None] = dict.fromkeys(_MAX_WORD)
    for name, longest in _MAX_WORD.items():
        with problems.collected():
            words[name] = _word(fields, name, longest)
    prompt, key = "", None
    metadata: dict[str, str] = {}
    characters: tuple[str, ...] = ()
    use = IntendedUse()
    with problems.collected():
        prompt = _prompt(fields.get("prompt"), max_prompt_chars)
    urls, extra = _media(fields, problems)
    with problems.collected():
        metadata = _metadata(fields.get("metadata"))
    with problems.collected():
        key = valid_idempotency_key(idempotency_key)
    with problems.collected():
        characters = _characters(fields.get("characters"))
    with problems.collected():
        use = read_intended_use(fields.get("safelight"))
    if not is_deferred:
        problems.raise_all()
    return CreateRequest(
        prompt=prompt,
        model=words["model"],
        seconds=words["seconds"],
        size=words["size"],
        uploads=uploads,
        urls=urls,
        extra=extra,
        safety_identifier=words["safety_identifier"] or words["user"],
        metadata=metadata,
        idempotency_key=key,
        characters=characters,
        use=use,
        problems=problems,
    )


def _check_texts(name: str, value: Any) -> None:
    for path, text in _texts((name,), value):
        require_writable(text, format_name(path) if path else "body")


def _prompt(value: Any, most: int) -> str:
    if value is None:
        raise InvalidField("A prompt is required.", param="prompt")
    if not isinstance(value, str):
        raise InvalidField("The prompt must be text.", param="prompt")
    if len(value) > most:
        raise InvalidField(
            f"The prompt has {len(value):,} characters; at most {most:,} are allowed.", param="prompt"
        )
    if not is_visible(value):
        raise InvalidField("The prompt is empty: it has no visible character.", param="prompt")
    return value


def is_visible(text: str) -> bool:
    """Whether a text has a character that can be seen."""
    return any(unicodedata.category(character)[0] not in "ZC" for character in text)


def _word(fields: Mapping[str, Any], name: str, longest: int) -> str | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool) and name == "seconds":
        value = str(value)
    if not isinstance(value, str):
        raise InvalidField(f"`{name}` must be text.", param=name)
    if len(value) > longest:
        raise InvalidField(f"`{name}` may have at most {longest} characters.", param=name)
    return value


def _metadata(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidField("`metadata` must be an object whose values are texts.", param="metadata")
    if len(value) > MAX_METADATA:
        raise InvalidField(f"`metadata` may have at most {MAX_METADATA} entries.", param="metadata")
    for key, text in value.items():
        if not isinstance(text, str):
            raise InvalidField("`metadata` values must be text.", param=f"metadata[{key}]")
        if len(key) > MAX_METADATA_KEY or len(text) > MAX_METADATA_VALUE:
            raise InvalidField(
                f"metadata keys may have {MAX_METADATA_KEY} characters and values {MAX_METADATA_VALUE}.",
                param=f"metadata[{key[:MAX_METADATA_KEY]}]",
            )
    return dict(value)


def _characters(value: Any) -> tuple[str, ...]:
    """Character ids, each given alone or as `{"id": ...}`."""
    given = value if isinstance(value, list) else [] if value in (None, "") else [value]
    ids: list[str] = []
    for each in given:
        found = each.get("id") if isinstance(each, Mapping) and each.keys() == {"id"} else each
        if not isinstance(found, str):
            raise InvalidField('Name each character as {"id": "character_..."}.', param="characters")
        ids.append(found)
    return tuple(ids)


def valid_idempotency_key(value: str | None) -> str | None:
    """The key of this header; None if it is missing or empty. Raises `InvalidField`."""
    if not value:
        return None
    if len(value) > MAX_IDEMPOTENCY_KEY or not value.isprintable():
        raise InvalidField(
            f"Idempotency-Key may have {MAX_IDEMPOTENCY_KEY} printable characters.", param="Idempotency-Key"
        )
    return value


def _media(fields: Mapping[str, Any], problems: FieldProblems) -> tuple[dict[str, str], dict[str, Any]]:
    """The media URLs, and all fields that only the generator knows, by name."""
    urls: dict[str, str] = {}
    extra: dict[str, Any] = {}
    for name, value in fields.items():
        if name in MEDIA_FIELDS:
            with problems.collected():
                _read_media(name, value, urls, extra)
        elif name not in _OURS:
            extra[name] = value
    return urls, extra


def _read_media(name: str, value: Any, urls: dict[str, str], extra: dict[str, Any]) -> None:
    for path, leaf in _leaves((name,), value):
        field = format_name(path)
        if leaf is None or leaf == "":
            continue
        if len(path) > 1 and isinstance(path[-1], str) and path[-1] not in _URL_KEYS:
            extra[field] = leaf
        elif isinstance(leaf, str) and leaf.lower().startswith(_SCHEMES):
            urls[field] = leaf
        else:
            raise InvalidField(
                f"`{field}` must be a file, an https: or http: URL, or a data: URL.", param=field
            )


def _leaves(path: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if len(path) > MAX_DEPTH:
        raise InvalidField(f"Values may be nested at most {MAX_DEPTH} levels deep.", param=str(path[0])[:200])
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves((*path, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves((*path, index), inner)
    else:
        yield path, value


def _texts(path: tuple[str | int, ...], value: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in the document with its path. Field names are included."""
    for place, leaf in _leaves(path, value):
        yield from ((place[:-1], step) for step in place if isinstance(step, str))
        if isinstance(leaf, str):
            yield place, leaf


def require_writable(text: str, param: str) -> None:
    """Raise `InvalidField` if the database cannot store a text."""
    if "\0" in text:
        shown = param.replace("\0", "\\0")[:200]
        raise InvalidField(f"`{shown}` has a NUL character, which is not allowed.", param=shown)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidField("The text has half a surrogate pair, which is not Unicode.", param=None) from None
