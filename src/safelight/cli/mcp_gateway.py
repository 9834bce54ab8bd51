"""The gateway of the MCP tools: calls of the client, with its errors as the tools read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from safelight.cli.assistants.gateway import GatewayFailure, VideoOffer, VideoReply
from safelight.core.errors import InvalidField

from .gateway_calls import choose_model, read_models, reason_against, shortest_length

if TYPE_CHECKING:
    from safelight_client import Client, Video
    from safelight_client.explanation import Explanation


class ClientGateway:
    """Fills `McpGateway` with a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def check(self, prompt: str, provider: str) -> Mapping[str, Any]:
        with _failures():
            return self._client.check(prompt, provider=provider)

    def status(self, video_id: str) -> VideoReply:
        with _failures():
            return _state(self._client.retrieve(video_id))

    def attempts(self, provider: str, limit: int) -> Mapping[str, Any]:
        from safelight_client.responses import api_error
        from safelight_client.steps import Send
        from safelight_client.waiting import read

        query = {"limit": str(limit)} | ({"provider": provider} if provider else {})
        with _failures():
            call = read(self._client.session, Send(method="GET", path="/safelight/attempts", query=query))
            answer = self._client.run(call)
            if not answer.is_ok:
                raise api_error(answer)
            body = answer.json()
        return body if isinstance(body, Mapping) else {}

    def offer(self, prompt: str, model: str, seconds: str) -> VideoOffer:
        with _failures():
            name, details = choose_model(read_models(self._client), model)
            length = {"seconds": seconds} if seconds else shortest_length(details)
            answer = self._client.check(prompt, model=name, **length)
        is_own = details.get("billing") == "own"
        return VideoOffer(
            model=name,
            seconds=str(answer.get("seconds", "")),
            usd=0.0 if is_own else (answer.get("price") or {}).get("usd"),
            refusal=reason_against(answer),
            is_block=answer.get("verdict") == "block",
        )

    def create(self, prompt: str, offer: VideoOffer) -> VideoReply:
        with _failures():
            return _state(self._client.create(prompt, model=offer.model, seconds=offer.seconds))


@contextmanager
def _failures() -> Iterator[None]:
    from safelight_client import ClientError

    try:
        yield
    except ClientError as error:
        explained = error.explanation
        raise GatewayFailure(
            explanation=_facts(explained), message=error.message, is_block=explained.is_block
        ) from None
    except InvalidField as error:
        raise GatewayFailure(
            explanation={
                "kind": "invalid_request",
                "charged": "no",
                "next_step": "Name a model of the gateway.",
            },
            message=error.message,
            is_block=False,
        ) from None


def _facts(explained: Explanation) -> dict[str, Any]:
    return {
        "kind": explained.kind,
        "stage": explained.stage,
        "charged": explained.charged,
        "retry": explained.retry,
        "after_s": explained.after_s,
        "next_step": explained.next_step,
        "by_provider": explained.by_provider,
    }


def _state(video: Video) -> VideoReply:
    why = video.explanation
    facts: dict[str, Any] = {
        "model": video.model,
        "seconds": video.seconds,
        "size": video.size,
        "progress": video.progress,
        "held_for_review": video.is_held,
        "charged": video.charged,
        "amount": video.amount,
        "currency": video.currency,
    }
    return VideoReply(
        id=video.id,
        status=video.status,
        prompt=video.prompt,
        facts=facts | ({"failure": _facts(why)} if why else {}),
        message=why.message if why else "",
        is_block=bool(why and why.is_block),
    )
