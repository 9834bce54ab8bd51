"""What an error or a failed video means: where it happened, what it cost, and whether to send it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal[
    "content_block", "rate_limit", "quota", "auth", "transient", "invalid_request", "timeout", "unknown"
]
Charged = Literal["yes", "no", "unknown"]
Retry = Literal["same", "new_seed", "change_prompt", "never", "unknown"]

#: What to do next, for an error that does not state it.
NEXT_STEPS: dict[Kind, str] = {
    "content_block": "Change the prompt, or the reference if you sent one. Do not send the same again.",
    "rate_limit": "Wait, then send the same request again.",
    "quota": "Raise the limit or add credit, then send the same request again.",
    "auth": "Check the key, its permissions, and that it belongs to this server.",
    "transient": "Check whether a job exists before you send the request again, to avoid paying twice.",
    "invalid_request": "Correct the request as the message describes.",
    "timeout": "Check whether the job exists before you send the request again, to avoid paying twice.",
    "unknown": "Ask the operator of the server.",
}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The meaning of one error. What the server does not state or document is `unknown`."""

    kind: Kind
    #: `admission`: the request was not accepted; `prompt`, `reference`, `input`: refused by a filter before
    #: generation; `generation`; `output`: refused after it; `delivery`: while downloading; `unknown`.
    stage: str
    charged: Charged
    retry: Retry
    next_step: str
    #: Seconds to wait before a retry, if the server states them.
    after_s: float | None = None
    message: str = ""
    code: str = ""
    #: Whether the filter of the provider refused, and not the policy of a Safelight gateway.
    by_provider: bool = True
    #: Name of the provider in the table of errors; empty if unknown.
    provider: str = ""
    #: Category of a block in the words of Safelight, or `unknown`.
    category: str = "unknown"

    @property
    def is_block(self) -> bool:
        """Whether a content filter refused the request or the video."""
        return self.kind == "content_block"

    def unsettled(self) -> Explanation:
        """The same explanation where nothing is known about the charge, so that nothing is sent again."""
        return replace(self, charged="unknown", retry="unknown" if self.retry == "same" else self.retry)

    def worded(self, next_step: str) -> Explanation:
        """The same explanation with another next step."""
        return replace(self, next_step=next_step)
