"""`safelight mcp` as its hosts run it: a process on standard input and output, beside a real gateway."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from tests.support.gateway_process import running

CALM = "A paper boat drifts across a pond in spring rain"
HARMFUL = "SAFELIGHT-TEST:violence, a boat on a lake at dawn, seen from the shore"
NEAR = "A boat on a lake at dawn, seen from the shore"


async def _talk(folder: Path, address: str, key: str) -> dict[str, Any]:
    """Calls every tool in one session, and returns the results."""
    from mcp import Client, StdioServerParameters
    from mcp_types import ElicitResult

    questions: list[str] = []

    async def approve(_context: Any, params: Any) -> Any:
        questions.append(params.message)
        return ElicitResult(action="accept", content={"approve": True})

    process = StdioServerParameters(
        command=sys.executable,
        args=["-m", "safelight", "mcp", "--allow-spend", "0"],
        env={
            **os.environ,
            "SAFELIGHT_URL": f"{address}/v1",
            "SAFELIGHT_API_KEY": key,
            "SAFELIGHT_DATA": str(folder / "assistant"),
        },
        cwd=folder,
    )
    found: dict[str, Any] = {"questions": questions}
    async with Client(process, elicitation_callback=approve) as client:

        async def call(tool: str, **arguments: Any) -> Any:
            result = await client.call_tool(tool, arguments)
            return result.content[0].text if result.is_error else result.structured_content

        found["tools"] = {tool.name for tool in (await client.list_tools()).tools}
        found["check"] = await call("check", prompt=CALM, provider="veo")
        found["explain_error"] = await call("explain_error", error="moderation_blocked", provider="openai")
        found["created"] = await call("create_video", prompt=CALM, model="storyboard")
        found["status"] = await call("status", video_id=found["created"]["id"])
        found["attempts"] = await call("attempts", limit=5)
        found["missing"] = await call("status", video_id="video_missing")
        found["unknown model"] = await call("create_video", prompt=CALM, model="no-such-model")
        found["blocked"] = await call("create_video", prompt=HARMFUL, model="storyboard")
        found["near"] = await call("create_video", prompt=NEAR, model="storyboard")
    return found


def test_the_official_client_calls_every_tool_of_a_process(tmp_path: Path, mcp_package: Any) -> None:
    with running(tmp_path) as gateway:
        found = asyncio.run(_talk(tmp_path, gateway.address, gateway.key))
    assert found["tools"] == {"check", "explain_error", "status", "attempts", "create_video"}
    assert (found["check"]["verdict"], found["check"]["checked_by"]) == ("allow", "gateway")
    assert found["explain_error"]["kind"] == "content_block"
    assert (found["created"]["model"], found["created"]["reserved_usd"]) == ("storyboard", 0)
    assert found["status"]["id"] == found["created"]["id"]
    assert found["status"]["untrusted"]["prompt"] == CALM
    assert isinstance(found["attempts"]["attempts"], list)
    assert found["missing"]["failed"]["next_step"]
    assert "Name a model of the gateway" in found["unknown model"]
    assert "Not requested" in found["blocked"]
    assert "blocked in this session" in found["near"]
    # Only the request that was sent was asked about.
    assert len(found["questions"]) == 1
