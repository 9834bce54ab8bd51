"""The error about a provider name that is not known: all known names, and the nearest one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from safelight.errors import ConfigurationError

from .language import join_sentences, texts
from .output import printable

_MAX_NEAREST, _MIN_SIMILARITY = 1, 0.6


def unknown_provider(asked: str, names: Iterable[str], aliases: Collection[str]) -> ConfigurationError:
    """`names` are listed; the nearest name is also searched in `aliases`."""
    t = texts()
    known = sorted(names)
    nearest = difflib.get_close_matches(
        asked.strip().lower(), [*known, *sorted(aliases)], _MAX_NEAREST, _MIN_SIMILARITY
    )
    sentence = t("provider.unknown", asked=printable(asked), known=t("separator").join(known))
    return ConfigurationError(
        join_sentences(
            [sentence, *([t("provider.nearest", nearest=t("separator").join(nearest))] if nearest else ())]
        )
    )


def require_known_provider(asked: str) -> None:
    """Raises `ConfigurationError` with the known names and the nearest one, for a provider without rules."""
    from safelight.advice.provider_rules import document_for, documents

    if document_for(asked) is None:
        known = documents()
        raise unknown_provider(asked, known, {alias for one in known.values() for alias in one.aliases})
