"""Reasons why a step ends without a transition. They are not in the error tree, because none is a failure.

So `except SafelightError` does not catch them.
"""

from __future__ import annotations


class ShutdownRequested(Exception):
    """The process shuts down. The interrupted step runs again after the next start."""
