"""The messages of one slice in one language, by key. English is the fallback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from safelight.core import yaml_loader

DEFAULT = "en"
_SUFFIX = ".yaml"


class Messages:
    """The messages of one slice in one language. A key that the language lacks is looked up in English."""

    def __init__(self, tag: str, texts: Mapping[str, str], fallback: Messages | None = None) -> None:
        self.tag = tag
        self._texts = texts
        self._fallback = fallback

    def __call__(self, key: str, **values: Any) -> str:
        """The text for `key`, with `values` inserted for its `{names}`. Raises `KeyError` for an unknown
        key.
        """
        if key in self._texts:
            return self._texts[key].format(**values) if values else self._texts[key]
        if self._fallback is None:
            raise KeyError(key)
        return self._fallback(key, **values)

    @property
    def keys(self) -> frozenset[str]:
        """The keys of this language, without the English fallback."""
        return frozenset(self._texts)

    def has_own(self, key: str) -> bool:
        """Whether this language has the key, without the English fallback."""
        return key in self._texts

    def has(self, key: str) -> bool:
        """Whether this language or English has the key."""
        return key in self._texts or (self._fallback is not None and self._fallback.has(key))


@cache
def load_messages(slice_: str, tag: str = DEFAULT) -> Messages:
    """The messages of a slice. For an unknown language these are the English ones."""
    if tag == DEFAULT:
        return Messages(DEFAULT, load_texts(slice_, DEFAULT))
    english = load_messages(slice_)
    return Messages(tag, load_texts(slice_, tag), english) if tag in available_languages(slice_) else english


@cache
def available_languages(slice_: str) -> tuple[str, ...]:
    """The tags of the languages in which a slice exists, English first."""
    names = (item.name for item in resources.files(__package__).joinpath("locales").iterdir())
    tags = (
        name.removeprefix(f"{slice_}.").removesuffix(_SUFFIX)
        for name in names
        if name.startswith(f"{slice_}.") and name.endswith(_SUFFIX)
    )
    return tuple(sorted(tags, key=lambda tag: (tag != DEFAULT, tag)))


def load_texts(slice_: str, tag: str) -> dict[str, str]:
    """The texts of one locale file by key. The keys of nested mappings are joined with dots."""
    return dict(_flattened("", load_document(slice_, tag)))


def load_document(slice_: str, tag: str) -> Mapping[str, Any]:
    source = resources.files(__package__).joinpath("locales", f"{slice_}.{tag}{_SUFFIX}")
    document: Mapping[str, Any] = yaml_loader.load(source.read_text("utf-8"))
    return document


def _flattened(prefix: str, document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in document.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, Mapping):
            yield from _flattened(name, value)
        else:
            yield name, str(value)
