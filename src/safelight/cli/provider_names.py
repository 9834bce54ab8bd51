"""The error about a provider name that is not known: all known names, and the nearest one."""

from __future__ import annotations

import difflib

from safelight.core.errors import ConfigurationError

from .language import join_sentences, texts
from .output import printable

_MAX_NEAREST, _MIN_SIMILARITY = 1, 0.6


def require_known_provider(asked: str) -> None:
    """Raises `ConfigurationError` with the known names and the nearest one, for an unknown provider."""
    from safelight.providers.advice.provider_rules import is_known_provider
    from safelight.providers.provider_errors.registry import known_providers

    if is_known_provider(asked):
        return
    t, known = texts(), known_providers()
    names = {name for one in known for name in (one.name, *one.aliases)}
    nearest = difflib.get_close_matches(asked.strip().lower(), sorted(names), _MAX_NEAREST, _MIN_SIMILARITY)
    listed = t("separator").join(sorted(one.name for one in known))
    sentence = t("provider.unknown", asked=printable(asked), known=listed)
    hint = [t("provider.nearest", nearest=t("separator").join(nearest))] if nearest else []
    raise ConfigurationError(join_sentences([sentence, *hint]))
