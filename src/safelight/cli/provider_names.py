"""The error about a provider name that is not known: all known names, and the nearest one."""

from __future__ import annotations

import difflib

from safelight.errors import ConfigurationError

from .language import join_sentences, texts
from .output import printable

_MAX_NEAREST, _MIN_SIMILARITY = 1, 0.6


def require_known_provider(asked: str) -> None:
    """Raises `ConfigurationError` with the known names and the nearest one, for an unknown provider."""
    from safelight.advice.provider_rules import is_known_provider, known_providers

    if is_known_provider(asked):
        return
    t, known = texts(), known_providers()
    aliases = {alias for one in known.values() for alias in one}
    nearest = difflib.get_close_matches(
        asked.strip().lower(), sorted(aliases | known.keys()), _MAX_NEAREST, _MIN_SIMILARITY
    )
    sentence = t("provider.unknown", asked=printable(asked), known=t("separator").join(sorted(known)))
    hint = [t("provider.nearest", nearest=t("separator").join(nearest))] if nearest else []
    raise ConfigurationError(join_sentences([sentence, *hint]))
