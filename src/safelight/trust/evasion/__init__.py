"""Recognizes paraphrases of blocked prompts. A paraphrase inherits the scores of the blocked prompt.

`models` must not import the database, because `safelight check` loads `models` alone.
"""
