"""Messages in several languages: `locales/` has one file per slice and language.

A slice is a set of messages: `explanations` (texts for clients about a verdict), `console` (the web pages),
`cli` (the command line). In `reasons` (of the shipped policies) and `provider_errors` (sentences of the
rules on provider errors) the key is the English text.
"""

from .languages import LANGUAGES, language_of_environment, match_language
from .messages import DEFAULT, Messages, available_languages, load_messages, load_texts
from .reasons import translate_reason, translate_sentence

__all__ = [
    "DEFAULT",
    "LANGUAGES",
    "Messages",
    "available_languages",
    "language_of_environment",
    "load_messages",
    "load_texts",
    "match_language",
    "translate_reason",
    "translate_sentence",
]
