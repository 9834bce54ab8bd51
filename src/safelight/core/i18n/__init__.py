"""Messages in several languages: `locales/` has one file per slice and language.

A slice is a set of messages, such as `explanations` (texts for clients about a verdict), `console` (the web
pages) and `cli` (the command line). In a slice without an English file the key is the English text: `reasons`
(of the shipped policies), `findings` (of detectors), `provider_errors` and `provider_rules`, `doctor` (its
checks, and the notes of the coverage), `commands` (help and results) and `errors` (with their remedies).
"""

from .languages import (
    LANGUAGES,
    accepted_language,
    accepted_tags,
    language_of_environment,
    match_language,
    region_of,
    region_of_environment,
)
from .messages import DEFAULT, Messages, available_languages, load_messages, load_texts
from .reasons import (
    has_sentence,
    name_categories,
    name_category,
    name_checks,
    translate_error,
    translate_finding,
    translate_reason,
    translate_sentence,
)

__all__ = [
    "DEFAULT",
    "LANGUAGES",
    "Messages",
    "accepted_language",
    "accepted_tags",
    "available_languages",
    "has_sentence",
    "language_of_environment",
    "load_messages",
    "load_texts",
    "match_language",
    "name_categories",
    "name_category",
    "name_checks",
    "region_of",
    "region_of_environment",
    "translate_error",
    "translate_finding",
    "translate_reason",
    "translate_sentence",
]
