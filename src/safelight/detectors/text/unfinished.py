"""What a text detector raises when it has looked at a part of a text only."""

from __future__ import annotations


class Unfinished(Exception):
    """What was yielded until now counts; the rest was not looked at, which is a hole."""
