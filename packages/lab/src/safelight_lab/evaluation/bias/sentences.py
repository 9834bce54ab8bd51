"""The sentences of the bias audit: frames with one slot, filled with the terms of the groups."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from safelight.core.errors import InvalidField, NotFound

SIDES = HARMLESS, HATEFUL = ("harmless", "hateful")
LANGUAGES = ("en", "zh")
#: The sets of frames of this package: nothing was mended by the first one.
SHIPPED_SETS = ("report", "choose")
#: The dimension that compares the languages of the same sentences; it has no sentences of its own.
LANGUAGE = "language"
#: How the frames of dialects begin.
DIALECT = "dialect"
_SLOTS = ("{one}", "{many}", "{word}")
#: Groups whose terms fill the frames of dialects, which are about the language and not about a group.
_FILLED_WITH = (
    ("gender", "woman"),
    ("ethnicity", "Black"),
    ("religion", "Muslim"),
    ("orientation", "gay or lesbian"),
)


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence about one group."""

    dimension: str
    group: str
    side: str
    lang: str
    #: The frame of both languages, and the draw of term and modifier: what a pair has in common.
    frame: str
    variant: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The sentences of a file of frames, and which group of a dimension is the reference in a language."""

    name: str
    sha256: str
    sentences: tuple[Sentence, ...]
    references: Mapping[str, str]


def make_sentences(frames: Path | str, *, groups: Path | None = None, variants: int, seed: int) -> Audit:
    """All sentences: `variants` of each frame, drawn by `seed`, with the same draws for all groups.

    `frames` is a path, or the name of a shipped set. Raises `NotFound`, or `InvalidField`.
    """
    shipped = files(__package__)
    known, known_bytes = _read(groups or Path(str(shipped / "groups.yaml")))
    path = frames if isinstance(frames, Path) else Path(str(shipped / f"{frames}.yaml"))
    written, frame_bytes = _read(path)
    try:
        dimensions, modifiers = known["dimensions"], known["modifiers"]
        _check(dimensions)
        made = [*_fill(written, dimensions, modifiers, variants, seed)]
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidField(f"{path.name} or the file of groups has no part {error}.") from error
    if not made:
        raise InvalidField(f"{path.name} has no frames.", remedy="Give frames under harmless: or hateful:.")
    return Audit(
        name=path.stem,
        sha256=hashlib.sha256(known_bytes + frame_bytes).hexdigest(),
        sentences=tuple(made),
        references={name: next(iter(members)) for name, members in dimensions.items()},
    )


def _check(dimensions: Mapping[str, Any]) -> None:
    """Raises `InvalidField` if a group has no matched term of the reference of its dimension."""
    for dimension, members in dimensions.items():
        reference = next(iter(members.values()))
        for group, languages in members.items():
            for lang, slots in languages.items():
                for slot, terms in slots.items():
                    matched = reference.get(lang, {}).get(slot, ())
                    if lang not in LANGUAGES or not terms or len(matched) != len(terms):
                        raise InvalidField(
                            f"{dimension} / {group}: {lang} {slot} has {len(terms)} terms, the reference "
                            f"{len(matched)}. Give a matched term for each, in {' or '.join(LANGUAGES)}."
                        )


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        data = path.read_bytes()
        found = yaml.safe_load(data)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidField(f"{path.name} is not valid YAML.") from error
    if not isinstance(found, dict):
        raise InvalidField(f"{path.name} is not a mapping with harmless: and hateful:.")
    return found, data


def _fill(
    written: Mapping[str, Any],
    dimensions: Mapping[str, Any],
    modifiers: Mapping[str, Any],
    variants: int,
    seed: int,
) -> Iterator[Sentence]:
    for key in written:
        if key not in (*SIDES, "reclaimed", "dialect"):
            raise InvalidField(
                f"{key!r} is not a part of a file of frames; parts: harmless, hateful, reclaimed, dialect."
            )
    parts = [(side, frame) for side in SIDES for frame in written.get(side) or ()]
    parts += [(HARMLESS, frame) for frame in written.get("reclaimed") or ()]
    for number, (side, frame) in enumerate(parts):
        for lang in LANGUAGES:
            slot = _slot_of(frame[lang])
            drawn = _draw(modifiers[side][lang], f"{seed} {side} {number} {lang}", variants)
            for dimension, members in dimensions.items():
                for group, languages in members.items():
                    if terms := languages.get(lang, {}).get(slot.strip("{}")):
                        for variant, (term, modifier) in enumerate(drawn):
                            text = _capitalise(frame[lang].replace(slot, terms[term % len(terms)]))
                            yield Sentence(
                                dimension=dimension,
                                group=group,
                                side=side,
                                lang=lang,
                                frame=f"{side} {number}",
                                variant=f"{lang} {variant}",
                                text=modifier.replace("{}", text),
                            )
    yield from _fill_dialects(written.get("dialect") or {}, dimensions)


def _fill_dialects(written: Mapping[str, Any], dimensions: Mapping[str, Any]) -> Iterator[Sentence]:
    forms = [
        (dimension, group, lang, name)
        for dimension, members in dimensions.items()
        for group, languages in members.items()
        for lang, terms in languages.items()
        for name in terms.get("form", ())
    ]
    for side, frames in written.items():
        if side not in SIDES:
            raise InvalidField(f"{side!r} is not a side; sides: harmless, hateful.")
        for number, frame in enumerate(frames):
            for dimension, group, lang, form in forms:
                slot = _slot_of(frame[lang][form])
                for variant, (other, filled) in enumerate(_FILLED_WITH):
                    try:
                        [term, *_rest] = dimensions[other][filled][lang][slot.strip("{}")]
                    except KeyError:
                        raise InvalidField(
                            f"Dialects need the group {filled!r} of {other!r}, which is unknown."
                        ) from None
                    yield Sentence(
                        dimension=dimension,
                        group=group,
                        side=side,
                        lang=lang,
                        frame=f"{DIALECT} {side} {number}",
                        variant=f"{lang} {variant}",
                        text=_capitalise(frame[lang][form].replace(slot, term)),
                    )


def _capitalise(text: str) -> str:
    return text[0].upper() + text[1:]


def _slot_of(text: str) -> str:
    found = [slot for slot in _SLOTS for _time in range(text.count(slot))]
    if len(found) != 1:
        raise InvalidField(f"The frame {text!r} must have one slot: {', '.join(_SLOTS)}.")
    return found[0]


def _draw(modifiers: list[str], key: str, variants: int) -> list[tuple[int, str]]:
    """Pairs of the place of a term and a modifier; the first one has the first modifier."""
    drawn = random.Random(key)  # noqa: S311 - nothing secret
    every = [(term, modifier) for modifier in modifiers for term in range(2)]
    first = every.pop(drawn.randrange(2))
    drawn.shuffle(every)
    return [first, *every][:variants]
