"""The MCP server of the official package: names and describes the tools, and asks the user before a request.

The only module that imports the package `mcp`, which the extra `mcp` installs.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeAlias, TypeVar

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

from safelight import __version__
from safelight_client.money import format_money

from .gateway import VideoOffer
from .session_limits import SessionRefusal
from .tools import McpTools
from .untrusted import NOTICE, with_untrusted

_INSTRUCTIONS = (
    "Safelight checks prompts for AI video against a content policy, and explains errors of providers. Check "
    "a prompt before you request a video. A block is final: do not rewrite a blocked prompt to get past it. "
    + NOTICE
)
_READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
_SPENDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False)

T = TypeVar("T")
#: The context of a call. The tools of the session are its lifespan context.
ToolContext: TypeAlias = Context[McpTools, Any]
Prompt = Annotated[str, Field(description="The prompt for the video.")]
Provider = Annotated[
    str, Field(description="A provider or model, such as veo or runway; empty if none is known.")
]


class Confirmation(BaseModel):
    """The answer of the user to the price of a video."""

    approve: bool = Field(description="Request this video for this price?")


def build_server(tools: McpTools) -> Any:
    """The server with all tools of one session."""

    @asynccontextmanager
    async def session(_server: Any) -> AsyncIterator[McpTools]:
        yield tools

    server = MCPServer(
        "safelight", title="Safelight", version=__version__, instructions=_INSTRUCTIONS, lifespan=session
    )
    for tool in (check, explain_error, status, attempts):
        server.add_tool(tool, annotations=_READS)
    server.add_tool(create_video, annotations=_SPENDS)
    return server


def check(prompt: Prompt, ctx: ToolContext, provider: Provider = "") -> dict[str, Any]:
    """Check a prompt against the policy, and for what a provider may refuse. Free; generates nothing."""
    return _answered(lambda: _tools(ctx).check(prompt, provider))


def explain_error(
    error: Annotated[str, Field(description="The provider's error, unchanged: text or JSON.")],
    ctx: ToolContext,
    provider: Provider = "",
) -> dict[str, Any]:
    """Explain an error of a video provider: who refused, at which stage, the charge, the next step."""
    return _answered(lambda: _tools(ctx).explain_error(error, provider))


def status(
    video_id: Annotated[str, Field(description="The id of a video of the gateway.")], ctx: ToolContext
) -> dict[str, Any]:
    """The state of one video, and why it failed if it did."""
    return _answered(lambda: _tools(ctx).status(video_id))


def attempts(
    ctx: ToolContext,
    provider: Annotated[str, Field(description="Only this provider, by its exact name.")] = "",
    limit: Annotated[int, Field(description="At most this many, up to 50.")] = 20,
) -> dict[str, Any]:
    """Attempts at providers, newest first: outcome, stage, charge and refund."""
    return _answered(lambda: _tools(ctx).attempts(provider, limit))


def find_offer(prompt: str, model: str, seconds: str, ctx: ToolContext) -> VideoOffer:
    """The video that the question is about. Raises `ToolError` if it would not be requested, or if the client
    cannot ask.
    """
    capabilities = ctx.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        raise ToolError("This client cannot ask the user (elicitation), so no video is requested.")
    return _answered(lambda: _tools(ctx).offer(prompt, model, seconds))


def ask_user(prompt: str, offer: Annotated[VideoOffer, Resolve(find_offer)]) -> Elicit[Confirmation]:
    """The question about one video, with its whole prompt."""
    price = f"for at most {format_money(offer.usd)}" if offer.usd else "without charge"
    shown = "".join(letter if letter.isprintable() else " " for letter in prompt)
    message = f"Request a video of {offer.seconds} s from {offer.model}, {price}? The prompt: {shown}"
    return Elicit(message, Confirmation)


def create_video(
    prompt: Prompt,
    model: Annotated[str, Field(description="A model of the gateway.")],  # noqa: ARG001 - find_offer reads it
    offer: Annotated[VideoOffer, Resolve(find_offer)],
    answer: Annotated[ElicitationResult[Confirmation], Resolve(ask_user)],
    ctx: ToolContext,
    seconds: Annotated[  # noqa: ARG001 - find_offer reads it
        str, Field(description="Length in seconds; empty: the shortest of the model.")
    ] = "",
) -> dict[str, Any]:
    """Request a video, after the user has confirmed its price. Costs money, within the operator's limit."""
    if not isinstance(answer, AcceptedElicitation) or not answer.data.approve:
        raise ToolError("The user did not approve the video. Nothing was requested or charged.")
    return _answered(lambda: _tools(ctx).create_video(prompt, offer))


def _tools(ctx: ToolContext) -> McpTools:
    tools: McpTools = ctx.request_context.lifespan_context
    return tools


def _answered(call: Callable[[], T]) -> T:
    try:
        return call()
    except SessionRefusal as refusal:
        texts = f" {json.dumps(with_untrusted({}, refusal.texts))}" if refusal.texts else ""
        raise ToolError(f"{refusal}{texts}") from None
