"""What the tools need of a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class GatewayFailure(Exception):
    """A call failed. Not in the error tree: its parts are returned to the assistant.

    `explanation`: what happened by our own table: kind, stage, charged, retry, next step. `message`: that of
    the server, which may quote a provider. `is_block`: the gateway or a provider blocked the content.
    """

    def __init__(self, *, explanation: Mapping[str, Any], message: str, is_block: bool) -> None:
        super().__init__(message)
        self.explanation = explanation
        self.message = message
        self.is_block = is_block


@dataclass(frozen=True, kw_only=True)
class VideoReply:
    """A video as the gateway reports it."""

    id: str
    status: str
    prompt: str
    #: Other facts of our own: model, seconds, progress, charge, stage of a failure and so on.
    facts: Mapping[str, Any]
    #: The message of a failure, which may be that of a provider.
    message: str = ""
    is_block: bool = False


@dataclass(frozen=True, kw_only=True)
class VideoOffer:
    """A video that can be requested: what it is, and what it costs at most. `usd`: None if not known."""

    model: str
    seconds: str
    usd: float | None
    #: Why the gateway does not help with the prompt, or would not accept it; empty if it would.
    refusal: str = ""
    #: Whether the policy blocks the prompt.
    is_block: bool = False


class McpGateway(Protocol):
    """Calls of a gateway. Each raises `GatewayFailure`."""

    def check(self, prompt: str, provider: str) -> Mapping[str, Any]:
        """The answer of `POST /v1/safelight/checks`."""
        ...

    def status(self, video_id: str) -> VideoReply: ...

    def attempts(self, provider: str, limit: int) -> Mapping[str, Any]:
        """The answer of `GET /v1/safelight/attempts`."""
        ...

    def offer(self, prompt: str, model: str, seconds: str) -> VideoOffer:
        """The price of a request, and whether the gateway would accept it. Nothing is generated."""
        ...

    def create(self, prompt: str, offer: VideoOffer) -> VideoReply:
        """Requests the video; at most one is created."""
        ...
