"""Parses the fields of a request body into a `CreateRequest`. It drops no field and checks no policy."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from safelight.accounts import Principal
from safelight.core.errors import InvalidField
from safelight.policy.intended_use import IntendedUse, normalize_territory, read_kind
from safelight.providers.advice.age_cues import find_age_cues
from safelight.providers.advice.meaning_slots import find_fixed_changes
from safelight.providers.protocol import MEDIA_FIELDS
from safelight.videos.requests.field_problems import FieldProblems
from safelight.videos.requests.request import CreateRequest, RetryTerms, TemplateUse, Upload
from safelight.videos.templates import TemplateCall, Templates

from .auth import AppState
from .request_body import format_name, optional_identifier

_USE = "safelight.use"
_KNOWN = {"kind", "commercial", "territory"}
#: A form sends words, and an empty text for what is not stated.
_FORM_WORDS = {"true": True, "false": False, "": None}
#: Keys of an object that hold a URL, such as `{"image_url": ...}` and `{"image_url": {"url": ...}}`.
_URL_KEYS = frozenset({"url", "uri", "image_url", "video_url", "audio_url", "image", "video", "audio"})
#: What `type` says beside such a URL, in the form of chat messages.
_PART_TYPES = _URL_KEYS | {"input_image", "input_video"}
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
_TEMPLATE = "safelight.template"
_TEMPLATE_KEYS = frozenset({"name", "version", "values"})
_MAX_VERSION_DIGITS = 9
_FIELD = "safelight"
_RETRY = f"{_FIELD}.retry"
_VARIATION = f"{_RETRY}.variation"
_RETRY_WORDS = {"true": True, "false": False}


def read_intended_use(ours: Any) -> IntendedUse:
    """The use that the field `safelight` states. Raises `InvalidField`."""
    if ours is None:
        return IntendedUse()
    if not isinstance(ours, Mapping) or not ours.keys() <= {"use"}:
        raise InvalidField("`safelight` must be an object with this field: use.", param="safelight")
    given = ours.get("use")
    if given is None:
        return IntendedUse()
    if not isinstance(given, Mapping) or not given.keys() <= _KNOWN:
        raise InvalidField(
            f"`{_USE}` must be an object with these fields: {', '.join(sorted(_KNOWN))}.", param=_USE
        )
    commercial = given.get("commercial")
    commercial = _FORM_WORDS.get(commercial, commercial) if isinstance(commercial, str) else commercial
    if commercial is not None and not isinstance(commercial, bool):
        raise InvalidField(f"`{_USE}.commercial` must be true or false.", param=f"{_USE}.commercial")
    kind, territory = _text(given, "kind"), _text(given, "territory")
    return IntendedUse(
        kind=None if kind is None else read_kind(kind, f"{_USE}.kind"),
        commercial=commercial,
        territory=None if territory is None else normalize_territory(territory, f"{_USE}.territory"),
    )


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidField(f"`{_USE}.{name}` must be text.", param=f"{_USE}.{name}")
    return value or None


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
        safety_identifier=optional_identifier(words, "safety_identifier")
        or optional_identifier(words, "user"),
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
        if leaf is None or leaf == "" or (len(path) > 1 and path[-1] == "type" and leaf in _PART_TYPES):
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


# Reads `safelight.template` of a create request and puts the rendered prompt in its place.


async def fill_prompt(state: AppState, principal: Principal, fields: dict[str, Any]) -> TemplateUse | None:
    """Replace the template that the fields name by its prompt. None if they name no template.

    Raises `InvalidField`, also if the fields have another prompt, `NotFound` and `Conflict`.
    """
    ours = fields.get("safelight")
    if not isinstance(ours, Mapping) or ours.get("template") is None:
        return None
    return await state.threads.run(fill_rendered_prompt, state.services.templates, principal, fields)


def fill_rendered_prompt(
    templates: Templates, principal: Principal, fields: dict[str, Any]
) -> TemplateUse | None:
    """The same, where a thread may wait for the database."""
    ours = fields.get("safelight")
    if not isinstance(ours, Mapping) or ours.get("template") is None:
        return None
    rendered = templates.render(principal, read_template_call(ours["template"]))
    # A client that made the prompt itself sends it too, to recognize its video in a list.
    if fields.get("prompt") and fields["prompt"] != rendered.text:
        raise InvalidField(
            "The prompt is not that of `safelight.template`.",
            param="prompt",
            remedy="Leave the prompt out: it is made from the template.",
        )
    fields["prompt"] = rendered.text
    fields["safelight"] = {name: value for name, value in ours.items() if name != "template"}
    if not fields["safelight"]:
        del fields["safelight"]
    return rendered.use


def read_template_call(given: Any) -> TemplateCall:
    """The parsed object `{"name", "version", "values"}`. Raises `InvalidField`."""
    if not isinstance(given, Mapping) or not given.keys() <= _TEMPLATE_KEYS:
        raise InvalidField(
            f"`{_TEMPLATE}` must be an object with these fields: name, values, version.",
            param=_TEMPLATE,
        )
    name, values = given.get("name"), given.get("values", {})
    if not isinstance(name, str) or not name:
        raise InvalidField(f"`{_TEMPLATE}.name` must be the name of a template.", param=f"{_TEMPLATE}.name")
    if not isinstance(values, Mapping) or not all(isinstance(each, str) for each in values.values()):
        raise InvalidField(
            f"`{_TEMPLATE}.values` must be an object with a text for each slot.", param=f"{_TEMPLATE}.values"
        )
    for text in (name, *values, *values.values()):
        require_writable(text, _TEMPLATE)
    return TemplateCall(name=name, version=read_version(given.get("version")), values=dict(values))


def read_version(given: Any) -> int | None:
    """The number of a version; None if none is given. Raises `InvalidField`."""
    if given is None or given == "":
        return None
    # A form sends the number as text.
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) <= _MAX_VERSION_DIGITS:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given < 10**_MAX_VERSION_DIGITS:
        raise InvalidField(
            f"`{_TEMPLATE}.version` must be the number of a version.", param=f"{_TEMPLATE}.version"
        )
    return given


def read_retry_terms(value: Any, prompt: Any, *, max_prompt_chars: int) -> RetryTerms | None:
    """What the field `safelight` asks for; None if it asks for nothing. Raises `InvalidField`.

    A variation keeps who is in the video, how many, ages, identities and quoted text, and adds no word about
    youth, undress, swimwear, sex or school.
    """
    asked = _object(value, _FIELD, {"retry", "use"}).get("retry")
    if isinstance(asked, bool | str):
        asked = {"same": asked}
    given = _object(asked, _RETRY, {"same", "variation"})
    same, variation = given.get("same", False), given.get("variation", "")
    same = _RETRY_WORDS.get(same, same) if isinstance(same, str) else same
    if not isinstance(same, bool):
        raise InvalidField(f"`{_RETRY}.same` must be true or false.", param=f"{_RETRY}.same")
    if not isinstance(variation, str) or len(variation) > max_prompt_chars:
        raise InvalidField(
            f"`{_VARIATION}` must be a prompt of at most {max_prompt_chars:,} characters.", param=_VARIATION
        )
    require_writable(variation, _VARIATION)
    if variation and not is_visible(variation):
        raise InvalidField(f"`{_VARIATION}` is empty: it has no visible character.", param=_VARIATION)
    variation = variation.strip()
    # A prompt that is too long is refused on its own.
    if variation and isinstance(prompt, str) and len(prompt) <= max_prompt_chars:
        _require_same_meaning(prompt, variation)
    return RetryTerms(same=same, variation=variation) if same or variation else None


def _require_same_meaning(prompt: str, variation: str) -> None:
    if _folded(prompt) == _folded(variation):
        raise InvalidField(
            f"`{_VARIATION}` is the prompt itself.",
            param=_VARIATION,
            remedy=f"Send another wording, or only `{_RETRY}.same`.",
        )
    changed = find_fixed_changes(prompt, variation)
    if changed:
        raise InvalidField(
            f"`{_VARIATION}` changes what a variation has to keep: {', '.join(sorted(changed))}.",
            param=_VARIATION,
            remedy="Send it as a request of its own.",
        )
    if find_age_cues(variation) - find_age_cues(prompt):
        raise InvalidField(
            f"`{_VARIATION}` adds a word about youth, undress, swimwear, sex or school.",
            param=_VARIATION,
            remedy="Send it as a request of its own.",
        )


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _object(value: Any, name: str, known: set[str]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not value.keys() <= known:
        raise InvalidField(
            f"`{name}` must be an object with these fields: {', '.join(sorted(known))}.", param=name
        )
    return value
