"""Guessed readings of texts that are written so that a program does not read them as language."""
