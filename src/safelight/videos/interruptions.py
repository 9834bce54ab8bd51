"""Reasons why a step ends without a transition. They are not in the error tree, because none is a failure.

So `except SafelightError` does not catch them.
"""

from __future__ import annotations

from safelight.core.tracing import Interruption


class ShutdownRequested(Interruption):
    """The process shuts down. The interrupted step runs again after the next start.

    Not in the error tree: it is not a failure.
    """


class UpstreamPending(Interruption):
    """The step waits for an upstream, and runs again after `after_s`.

    `accepted`: whether the upstream has accepted the request and works on it. `problem`: why nothing is sent,
    as a sentence for a video that waits until its deadline.

    Not in the error tree: it is not a failure.
    """

    def __init__(self, after_s: float, *, accepted: bool = False, problem: str = "") -> None:
        super().__init__(f"runs again after {after_s:g} s")
        self.after_s = after_s
        self.accepted = accepted
        self.problem = problem
