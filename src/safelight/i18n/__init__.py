"""Messages in several languages: `locales/` has one file per slice and language.

A slice is a set of messages: `explanations` (texts for clients about a verdict), `console` (the web pages),
`cli` (the command line) and `reasons` (the reasons of the shipped policies, with the English text as the
key).
"""

from .languages import LANGUAGES, language_of_environment, match_language
from .messages import DEFAULT, Messages, available_languages, load_messages, load_texts
from .reasons import translate_reason

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
]
