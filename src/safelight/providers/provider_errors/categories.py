"""Maps providers' words to our categories. If several categories match, the gravest one counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from safelight.policy.findings import SHIPPED, Category, Group

from .model import UNKNOWN
from .parse import ParsedError
from .rules import compiled
from .words import words

#: The categories in which there is no help, gravest first. Each is graver than every other category.
GRAVEST = (
    Category.SEXUAL_MINORS.value,
    Group.MINORS.value,
    Category.MINORS_PRESENT.value,
    Category.NCII.value,
    Category.SEXUAL.value,
    Category.SELF_HARM_INSTRUCTIONS.value,
    Category.SELF_HARM_INTENT.value,
    Category.SELF_HARM.value,
    Category.EXTREMISM.value,
    Category.VIOLENCE_GRAPHIC.value,
    Category.ILLICIT.value,
    Category.LIKENESS.value,
)
_GROUPS = frozenset(group.value for group in Group)


def of_name(word: str) -> str:
    """Our category for one word from a provider's list; empty if we have none."""
    plain = re.sub(r"[\s\-]+", "_", word.strip().strip("\"'").lower())
    if named := words().category_names.get(plain):
        return named
    for spelling in (plain, plain.replace("_", "-"), plain.replace("_", "/", 1), plain.replace("/", "_")):
        if is_category(spelling):
            return spelling
    return ""


def is_category(name: str) -> bool:
    """Whether this is the name of one of our categories or groups."""
    return name in SHIPPED or name in _GROUPS


def of_names(listed: Iterable[str]) -> str:
    """The gravest category of a list; the first one if none is in `GRAVEST`; empty if the list has none."""
    known = [category for word in listed if (category := of_name(word))]
    return min(known, key=_rank, default="")


def _rank(category: str) -> int:
    return GRAVEST.index(category) if category in GRAVEST else len(GRAVEST)


def of_sentence(text: str) -> str:
    """The gravest category that the words of a message name; empty if they name none."""
    return next(_spoken(text), "")


def _spoken(text: str) -> Iterator[str]:
    return (name for name, pattern in words().categories.items() if compiled(pattern).search(text))


def all_named(said: ParsedError) -> frozenset[str]:
    """Every category that an error names, in its lists or in the words of its messages."""
    listed = (*said.values(words().category_fields), *_filtered(said))
    text = " ".join((*listed, said.prose)).replace("_", " ")
    return frozenset({*_spoken(text), *(category for word in listed if (category := of_name(word)))})


def of_said(said: ParsedError, sentences: str) -> str:
    """The category of an error: from its lists, else from its stated reasons, else from the words of its
    messages.
    """
    if found := of_names(said.values(words().category_fields)):
        return found
    if found := of_names(_filtered(said)):
        return found
    for match in compiled(words().reasons).finditer(said.prose):
        named = re.split(r",|;|\band\b|\bor\b", match[1])
        if found := of_names(named) or of_sentence(match[1]):
            return found
    return of_sentence(sentences) or UNKNOWN


def _filtered(said: ParsedError) -> Iterator[str]:
    """The filtered categories in Azure's format:
    `content_filter_result: {violence: {filtered: true, severity: medium}, ...}`.
    """
    for document in said.documents:
        for result in _named(document, "content_filter_result", 0):
            for name, state in result.items():
                if isinstance(state, Mapping) and state.get("filtered") is True:
                    yield str(name)


def _named(value: object, prefix: str, depth: int) -> Iterator[Mapping[str, object]]:
    if depth > 8:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if str(name).startswith(prefix) and isinstance(inner, Mapping):
                yield inner
            yield from _named(inner, prefix, depth + 1)
    elif isinstance(value, list):
        for inner in value[:50]:
            yield from _named(inner, prefix, depth + 1)
