"""A guardrail of LiteLLM's proxy: Safelight scans each clip when a client fetches it.

LiteLLM itself reads only the prompt. An error of Safelight stops the clip too.
"""

from __future__ import annotations

import asyncio
import base64
import os
from typing import Any

import httpx
from fastapi import HTTPException
from litellm.integrations.custom_guardrail import CustomGuardrail

URL = os.environ["SAFELIGHT_URL"]
HEADERS = {"authorization": f"Bearer {os.environ['SAFELIGHT_API_KEY']}"}
#: Safelight scans one clip of a key at a time; further ones are tried again for this time.
TIMEOUT_S = 300.0


class SafelightClips(CustomGuardrail):
    async def async_post_call_success_hook(self, data: Any, user_api_key_dict: Any, response: Any) -> Any:
        if not isinstance(response, bytes):
            return response
        url = f"data:video/mp4;base64,{base64.b64encode(response).decode()}"
        body = {"input": [{"type": "video_url", "video_url": {"url": url}}]}
        try:
            async with asyncio.timeout(TIMEOUT_S), httpx.AsyncClient(timeout=TIMEOUT_S) as client:
                while True:
                    answer = await client.post(f"{URL}/moderations", json=body, headers=HEADERS)
                    if answer.status_code != 429:
                        break
                    await asyncio.sleep(float(answer.headers.get("retry-after", "5")))
        except (httpx.HTTPError, TimeoutError) as error:
            raise HTTPException(503, "The clip was not checked: Safelight did not answer.") from error
        if answer.status_code != 200:
            raise HTTPException(503, f"The clip was not checked: {answer.json()['error']['message']}")
        verdict = answer.json()["results"][0]["safelight"]["verdict"]
        if verdict not in {"allow", "label"}:
            raise HTTPException(400, f"Safelight does not allow this clip: {verdict}.")
        return response
