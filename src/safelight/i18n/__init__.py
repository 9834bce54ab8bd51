"""Messages in the languages of `locales/`, one file per slice and language.

Slices: `explanations` (what a client reads about a verdict), `console` (the web pages) and `reasons` (the
reasons of the shipped policies, by their English text).
"""

from .messages import DEFAULT, Messages, available_languages, load_messages, load_texts
from .reasons import translate_reason

__all__ = [
    "DEFAULT",
    "Messages",
    "available_languages",
    "load_messages",
    "load_texts",
    "translate_reason",
]
