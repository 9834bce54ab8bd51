"""Admission: checks that all fields of a request are known, and that its generator supports them.

Pure: only the request itself is checked. The caller checks account, quota and check limits.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from safelight.core.errors import InvalidField, UnsupportedField
from safelight.providers.protocol import MEDIA_FIELDS, Derivation, Generator, GeneratorInfo, combine_prompts
from safelight.screening.text_parts import NEGATED_FIELDS

from .field_corrections import FIELD_SYNONYMS, correct_fields, describe_fields, left_out_fields
from .field_problems import FieldProblems
from .field_values import check_text, convert
from .request import AdmittedRequest, CreateRequest, SourceVideo

#: The field with the source clip of a remix, an edit or an extension.
SOURCE_FIELD = "video"

#: Models of OpenAI's API, which ended. Programs that name them get the default generator, unless a generator
#: has the name as an alias; the answer names the real model.
RETIRED_MODELS = frozenset(
    {
        "sora-2",
        "sora-2-pro",
        "sora-2-2025-10-06",
        "sora-2-2025-12-08",
        "sora-2-pro-2025-10-06",
    }
)
#: The field with which Safelight tells a generator what to steer away from.
STEERING_FIELD = "steering"
#: Fields that change the length, and so what a video costs. They are passed on only with their meaning.
_LENGTH_FIELDS = frozenset({"num_frames", "fps"})
#: Fields for the number of videos, of which only one would be screened and counted, and for another form of
#: the answer. They are never passed on unknown.
_ANSWER_FIELDS = frozenset(
    {"n", "count", "num_videos", "number_of_videos", "num_outputs", "num_samples", "sample_count"}
    | {"num_videos_per_prompt", "num_outputs_per_prompt", "num_generations", "batch_size"}
    | {"stream", "stream_options", "sync", "sync_mode", "response_format", "output_format"}
    | {"webhook", "webhook_url", "callback", "callback_url", "notify_hook"}
)
_FIELD_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
#: An address, a data URL or a path.
_ADDRESS = re.compile(r"://|^data:|^[./~\\]|^[A-Za-z]:[\\/]|\.\./", re.IGNORECASE)
_DEFAULT_SIZE = (720, 1280)
_DEFAULT_SECONDS = 4


@dataclass(frozen=True, kw_only=True)
class AdmissionLimits:
    max_prompt_characters: int = 32_000
    max_metadata: int = 16
    max_identifier_characters: int = 128


def admit(
    request: CreateRequest,
    generators: Mapping[str, Generator],
    *,
    default: str,
    limits: AdmissionLimits,
    origin: SourceVideo | None = None,
    is_paused: Callable[[str], bool] | None = None,
) -> AdmittedRequest:
    """Convert the fields of a request to their types, and check that its generator supports them.

    `origin` is the source of a remix, an edit or an extension. The new video takes its size and length from
    the source, and the prompts of the source are screened as texts of this request too. `is_paused`: whether
    a generator is not called at the moment, so that another one with the same model is chosen. Raises
    `InvalidField` or `UnsupportedField`; the message names all fields that are wrong, with those of
    `request.problems`. If fields of other video APIs are the only problem, the error has the corrected
    request.
    """
    try:
        return _admit(request, generators, default, limits, origin, is_paused)
    except (InvalidField, UnsupportedField) as error:
        _add_correction(error, request, generators, default, limits)
        raise


def _add_correction(
    error: InvalidField | UnsupportedField,
    request: CreateRequest,
    generators: Mapping[str, Generator],
    default: str,
    limits: AdmissionLimits,
) -> None:
    """Adds the request with the right names to the error; if it is still wrong, what is wrong then."""
    if request.step is not None or request.problems:
        return
    try:
        name, _ = _generator(request.model, generators, default, None)
        offer = generators[name].info()
        corrected = correct_fields(request, offer)
        if corrected is None:
            return
        _admit(corrected, generators, default, limits, None)
    except (InvalidField, UnsupportedField) as left:
        if str(left) not in str(error):
            error.remedy = f"{error.remedy or ''} With the right names: {left}".strip()
        return
    error.corrected_request = describe_fields(corrected)
    error.left_out = left_out_fields(request, offer)


def _admit(
    request: CreateRequest,
    generators: Mapping[str, Generator],
    default: str,
    limits: AdmissionLimits,
    origin: SourceVideo | None,
    is_paused: Callable[[str], bool] | None = None,
) -> AdmittedRequest:
    problems = FieldProblems(request.problems)
    prompt = ""
    with problems.collected():
        prompt = check_text("prompt", request.prompt, limits.max_prompt_characters)
    if not any(unicodedata.category(c)[0] in "LNSP" for c in prompt):
        problems.add(
            InvalidField("The prompt is empty.", param="prompt", remedy="Describe the video you want.")
        )
    chosen: tuple[str, str] | None = None
    with problems.collected():
        chosen = _generator(request.model, generators, default, origin, is_paused or _is_never_paused)
    if "model" in problems or chosen is None:
        # The model is unknown, so only what no configured generator accepts is certainly wrong.
        alternatives = []
        for name in (default, *(name for name in generators if name != default)):
            offer = generators[name].info()
            alternatives.append(FieldProblems(problems))
            model = _default_model(offer)
            _read_for_generator(request, offer, model, limits, alternatives[-1], origin)
        problems.add_common(alternatives)
        raise problems.error()
    name, model = chosen
    if origin is not None:
        with problems.collected():
            check_step(origin, name, model, generators)
    read = _read_for_generator(request, generators[name].info(), model, limits, problems, origin)
    texts = {"prompt": prompt, **read.texts}
    if origin is not None:
        with problems.collected():
            texts |= _earlier(origin, prompt, limits)
    end_user: str | None = None
    metadata: dict[str, str] = {}
    with problems.collected():
        end_user = _identifier(request.safety_identifier, limits)
    with problems.collected():
        metadata = _metadata(request.metadata, limits)
    problems.raise_all()
    return AdmittedRequest(
        generator=name,
        model=model,
        prompt=prompt,
        seconds=read.seconds,
        width=read.size[0],
        height=read.size[1],
        extra=read.extra,
        texts=texts,
        negated=NEGATED_FIELDS & texts.keys(),
        uploads=request.uploads,
        urls=request.urls,
        end_user=end_user,
        metadata=metadata,
        origin=origin,
    )


@dataclass(frozen=True, kw_only=True)
class _GeneratorFields:
    """The fields of a request whose meaning depends on the generator."""

    seconds: int
    size: tuple[int, int]
    extra: Mapping[str, Any]
    texts: Mapping[str, str]


def _read_for_generator(
    request: CreateRequest,
    offer: GeneratorInfo,
    model: str,
    limits: AdmissionLimits,
    problems: FieldProblems,
    origin: SourceVideo | None,
) -> _GeneratorFields:
    extra, texts = _extra(request.extra, offer, limits, problems)
    if request.characters and not offer.takes_characters:
        problems.add(UnsupportedField(f"The model {model} cannot use characters.", param="characters"))
    seconds, size = 0, (0, 0)
    if origin is not None:
        with problems.collected():
            seconds = _continued(request, extra, offer, origin)
        size = (origin.width, origin.height)
    elif request.step is None:
        with problems.collected():
            seconds = _seconds(request.seconds, extra, offer)
        with problems.collected():
            size = _size(request.size, offer)
    # A media field whose value is wrong is in none of these, but may be one that the generator does not have.
    wrong = (field for field in problems.params if field.partition("[")[0] in MEDIA_FIELDS)
    for field in (*(upload.field for upload in request.uploads), *request.urls, *wrong):
        is_source = field == SOURCE_FIELD and request.step is not None
        if not is_source or not (origin is None or origin.uploaded or field in problems):
            with problems.collected():
                _check_media_field(field, model, offer)
    return _GeneratorFields(seconds=seconds, size=size, extra=extra, texts=texts)


def _check_media_field(field: str, model: str, offer: GeneratorInfo) -> None:
    """Raises `UnsupportedField` if the generator does not declare this field with media."""
    base = field.partition("[")[0]
    if base not in MEDIA_FIELDS:
        meant = FIELD_SYNONYMS.get(base)
        raise UnsupportedField(
            f"{field!r} does not accept a file or a URL.",
            param=field,
            remedy=f"Did you mean {meant!r}?" if meant else None,
        )
    accepted = [*(["input_reference"] if offer.takes_reference else []), *sorted(offer.media_fields)]
    if base not in accepted:
        raise UnsupportedField(
            f"The model {model} does not accept media in the field {base!r}.",
            param=field,
            remedy=f"Fields that it accepts: {', '.join(accepted)}."
            if accepted
            else "Leave out the field: the model accepts no references.",
        )


def check_step(origin: SourceVideo, name: str, model: str, generators: Mapping[str, Generator]) -> None:
    """Check that a generator supports this derivation of the source clip.

    Raises `UnsupportedField`, which names the models that support it.
    """
    offer = generators[name].info()
    action = {
        Derivation.REMIX: "remix a video",
        Derivation.EDIT: "edit a video",
        Derivation.EXTEND: "extend a video",
    }[origin.step]
    if not offer.supports(origin.step):
        capable = [m for g in generators.values() if g.info().supports(origin.step) for m in g.info().models]
        raise UnsupportedField(
            f"The model {model} cannot {action}.",
            param="model",
            remedy=f"Models that can: {', '.join(capable)}." if capable else "No configured model can.",
        )
    if origin.uploaded and not offer.takes_clips:
        raise UnsupportedField(
            f"The model {model} cannot start from an uploaded clip.",
            param=SOURCE_FIELD,
            remedy="Send the id of a video of this installation.",
        )
    at_upstream = origin.generator == name and bool(origin.upstream_id)
    if origin.step is Derivation.REMIX and offer.remix_needs_upstream and not at_upstream:
        raise UnsupportedField(
            f"The model {model} can remix only videos that are still on its server. This video is not.",
            param="video_id",
            remedy="Request a new video with a prompt that combines both prompts.",
        )


def _continued(
    request: CreateRequest, extra: Mapping[str, Any], offer: GeneratorInfo, origin: SourceVideo
) -> int:
    """Total seconds of the new video: those of the source, plus the added seconds of an extension."""
    for field, given in (("size", request.size), ("seconds", request.seconds)):
        if given is not None and (field == "size" or origin.step is not Derivation.EXTEND):
            raise UnsupportedField(
                f"The field {field} is taken from the source video and cannot be set.", param=field
            )
    if "num_frames" in extra:
        raise UnsupportedField(
            "The field num_frames is taken from the source video and cannot be set.", param="num_frames"
        )
    if origin.step is not Derivation.EXTEND:
        return origin.seconds
    if request.seconds is None:
        raise InvalidField("An extension needs the field seconds: how many seconds to add.", param="seconds")
    total = origin.seconds + _seconds(request.seconds, extra, offer)
    if offer.longest_s is not None and total > offer.longest_s:
        raise InvalidField(
            f"{origin.seconds} s of source and {request.seconds} s of extension are {total} s; "
            f"the model makes at most {offer.longest_s} s.",
            param="seconds",
        )
    return total


def _earlier(origin: SourceVideo, prompt: str, limits: AdmissionLimits) -> dict[str, str]:
    """The prompts of the source and its ancestors, the nearest first, and all prompts joined."""
    if not origin.prompts:
        return {}
    whole = combine_prompts(origin.prompts, prompt)
    if len(whole) > limits.max_prompt_characters:
        raise InvalidField(
            f"This prompt and those of its sources have {len(whole):,} characters together; at most "
            f"{limits.max_prompt_characters:,} are accepted.",
            param="prompt",
        )
    nearest = enumerate(reversed(origin.prompts), start=1)
    return {**{f"ancestor:{n}": words for n, words in nearest}, "composed": whole}


def _is_never_paused(_generator: str) -> bool:
    return False


def _generator(
    model: str | None,
    generators: Mapping[str, Generator],
    default: str,
    origin: SourceVideo | None,
    is_paused: Callable[[str], bool] = _is_never_paused,
) -> tuple[str, str]:
    """The generator of a model, and its name for the model.

    Of several generators that have the model the first one in the order of the settings is chosen that is not
    paused, and the default generator is the first of all. Models precede aliases.
    """
    if model is None:
        capable = [default, *(name for name in generators if name != default)]
        if origin is not None:
            capable = [name for name in capable if generators[name].info().supports(origin.step)]
        name = capable[0] if capable else default
        return name, _default_model(generators[name].info())
    offers = [(name, generators[name].info()) for name in (default, *generators)]
    able = [(name, model) for name, offer in offers if model in offer.models]
    able += [(name, offer.aliases[model]) for name, offer in offers if model in offer.aliases]
    if able:
        # What follows a source stays where the source is.
        first = generators[able[0][0]].info()
        working = (
            one
            for one in able
            if origin is None
            and not is_paused(one[0])
            and (one is able[0] or _costs_no_more(generators[one[0]].info(), first))
        )
        return next(working, able[0])
    if model in RETIRED_MODELS:
        return default, _default_model(generators[default].info())
    infos = [generator.info() for generator in generators.values()]
    known = [known for info in infos for known in (*info.models, *info.aliases)]
    raise InvalidField(
        f"No configured generator has the model {model[:100]!r}.",
        param="model",
        remedy=f"Known: {', '.join(known)}.",
    )


def _costs_no_more(offer: GeneratorInfo, than: GeneratorInfo) -> bool:
    """Whether a generator may stand in for another one: it must not cost more than the client expects."""
    if offer.usd_per_second is None or than.usd_per_second is None:
        return than.usd_per_second is None
    return offer.usd_per_second <= than.usd_per_second


def _default_model(offer: GeneratorInfo) -> str:
    """The first model; empty if the settings name none, and the server chooses."""
    return offer.models[0] if offer.models else ""


def _seconds(value: str | None, extra: Mapping[str, Any], offer: GeneratorInfo) -> int:
    """The requested seconds. If the generator accepts frames and frame rate, these are converted."""
    longest = max(offer.seconds)
    is_whole = value is not None and len(value) <= 6 and value.isascii() and value.isdigit()
    seconds = int(value) if value is not None and is_whole else None
    if "num_frames" in extra:
        frames, fps = int(extra["num_frames"]), int(extra.get("fps", 24))
        if frames < 1 or fps < 1:
            raise InvalidField("num_frames and fps must be at least 1.", param="num_frames")
        # Without a division of floats: a number of any length may arrive.
        needed = -(-frames // fps)
        if needed > longest:
            raise InvalidField(
                f"{str(frames)[:20]} frames at {str(fps)[:20]} a second are more than {longest} s, "
                "the most that the model makes.",
                param="num_frames",
            )
        # A video of frames may have any length up to the longest.
        if not value or (seconds is not None and seconds <= longest):
            return max(needed, seconds or 0)
    elif value is None:
        return _DEFAULT_SECONDS if _DEFAULT_SECONDS in offer.seconds else offer.seconds[0]
    elif seconds is not None and seconds in offer.seconds:
        return seconds
    known = ", ".join(str(seconds) for seconds in offer.seconds)
    raise InvalidField(f"seconds is {value[:20]!r}.", param="seconds", remedy=f"Possible: {known}.")


def _size(value: str | None, offer: GeneratorInfo) -> tuple[int, int]:
    if value is None:
        return _DEFAULT_SIZE if not offer.sizes or _DEFAULT_SIZE in offer.sizes else offer.sizes[0]
    width, _, height = value.partition("x")
    if width.isascii() and width.isdigit() and height.isascii() and height.isdigit():
        size = int(width[:6]), int(height[:6])
        if size in offer.sizes or (not offer.sizes and min(size) >= 16 and max(size) <= 4096):
            return size
    known = ", ".join(f"{w}x{h}" for w, h in offer.sizes) or "width x height from 16x16 to 4096x4096"
    raise InvalidField(f"size is {value[:30]!r}.", param="size", remedy=f"Possible: {known}.")


def _extra(
    given: Mapping[str, Any], offer: GeneratorInfo, limits: AdmissionLimits, problems: FieldProblems
) -> tuple[dict[str, Any], dict[str, str]]:
    extra: dict[str, Any] = {}
    texts: dict[str, str] = {}
    for name, value in given.items():
        with problems.collected():
            if name.partition("[")[0] == STEERING_FIELD:
                raise UnsupportedField(
                    "The field steering cannot be set by a request: the policy decides what is steered.",
                    param=STEERING_FIELD,
                    remedy="Leave it out. The operator sets `steer` in the policy.",
                )
            is_unknown = name not in offer.extra_fields
            if is_unknown and (name in FIELD_SYNONYMS or not _may_pass(name, value, offer)):
                raise UnsupportedField(
                    f"The field {name[:100]!r} is not accepted.",
                    param=name[:100],
                    remedy=None if problems.are_counted_only else _remedy(name[:100], offer),
                )
            extra[name] = value if is_unknown else convert(name, value, offer.extra_fields[name])
            if is_unknown or name in offer.text_fields or name in NEGATED_FIELDS:
                for path, text in _strings(name, extra[name]):
                    texts[path] = check_text(path, text, limits.max_prompt_characters)
    return extra, texts


def _may_pass(name: str, value: Any, offer: GeneratorInfo) -> bool:
    """Whether a field that the settings do not list is passed on: a number, a truth value or a text.

    A nested value, media, an address or a path could have content that nobody inspects.
    """
    if (
        not offer.passes_unknown_fields
        or name in MEDIA_FIELDS | _LENGTH_FIELDS
        or name.lower() in _ANSWER_FIELDS
        or not _FIELD_NAME.fullmatch(name)
    ):
        return False
    if isinstance(value, str):
        return not _ADDRESS.search(value)
    return isinstance(value, bool | int | float)


def _remedy(name: str, offer: GeneratorInfo) -> str:
    if name in FIELD_SYNONYMS:
        return f"Did you mean {FIELD_SYNONYMS[name]!r}?"
    base, is_part, _ = name.partition("[")
    if is_part and base in MEDIA_FIELDS:
        return f"{base} is a file, or an https:, http: or data: URL, as text or as {base}[image_url]."
    known = ["prompt", "model", "seconds", "size", "input_reference", *offer.extra_fields]
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    names, settings = ", ".join(known), offer.field_settings
    if not settings:
        return f"Known fields: {names}."
    return f"Known fields: {names}. The operator can let it pass with {settings} in the generator's settings."


def _strings(path: str, value: Any) -> list[tuple[str, str]]:
    """Every text in a nested value, including keys, with its path."""
    if isinstance(value, str):
        return [(path, value)]
    if isinstance(value, Mapping):
        found = [(f"{path}.keys", " ".join(str(key) for key in value))] if value else []
        return found + [item for key, inner in value.items() for item in _strings(f"{path}.{key}", inner)]
    if isinstance(value, list):
        return [item for i, inner in enumerate(value) for item in _strings(f"{path}[{i}]", inner)]
    return []


def _identifier(value: str | None, limits: AdmissionLimits) -> str | None:
    if value is None:
        return None
    return check_text("safety_identifier", value, limits.max_identifier_characters) or None


def _metadata(values: Mapping[str, str], limits: AdmissionLimits) -> dict[str, str]:
    if len(values) > limits.max_metadata:
        raise InvalidField(f"metadata accepts at most {limits.max_metadata} entries.", param="metadata")
    return {
        check_text("metadata", key, 64): check_text(f"metadata[{key}]", value, 512)
        for key, value in values.items()
    }
