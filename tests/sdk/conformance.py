"""Run by the Python of a locked environment with the official SDK: `conformance.py BASE_URL KEY`.

Prints one JSON object of what was seen; the test that started it judges. The SDK is used as its users use it,
changed only in `base_url`.
"""

from __future__ import annotations

import hashlib
import json
import sys
import warnings
from typing import Any

# The SDK deprecates these calls, for OpenAI switched its own server off.
warnings.simplefilter("ignore", DeprecationWarning)

import openai  # noqa: E402


def main(base_url: str, key: str) -> dict[str, Any]:
    client = openai.OpenAI(base_url=base_url, api_key=key)
    seen: dict[str, Any] = {"version": openai.__version__}
    video = client.videos.create_and_poll(
        prompt="A paper boat on a pond in the rain, slow pan",
        model="storyboard",
        seconds="4",
        size="1280x720",
        extra_body={"safety_identifier": "user-1", "metadata": {"project": "boats"}},
        poll_interval_ms=250,
    )
    seen["made"] = video.to_dict()
    seen["retrieved"] = client.videos.retrieve(video.id).to_dict()
    seen["listed"] = [each.id for each in client.videos.list(limit=2)]
    content = client.videos.download_content(video.id).read()
    seen["content"] = {"sha256": hashlib.sha256(content).hexdigest(), "head": content[4:8].decode()}
    thumbnail = client.videos.download_content(video.id, variant="thumbnail").read()
    seen["thumbnail"] = len(thumbnail)
    seen["deleted"] = client.videos.delete(video.id).to_dict()
    seen["after_delete"] = refusal(lambda: client.videos.retrieve(video.id))
    seen["block"] = refusal(lambda: client.videos.create(prompt="SAFELIGHT-TEST:violence"))
    seen["unknown_field"] = refusal(
        lambda: client.videos.create(prompt="a boat", extra_body={"no_such_field": "x"})
    )
    reference = {"input_reference": {"image_url": "data:text/plain;base64,aGVsbG8="}}
    seen["bad_reference"] = refusal(lambda: client.videos.create(prompt="a boat", extra_body=reference))
    seen["text_as_png"] = refusal(
        lambda: client.videos.create(
            prompt="a boat", input_reference=("a.png", b"this is no picture", "image/png")
        )
    )
    stranger = openai.OpenAI(base_url=base_url, api_key="sk-wrong")
    seen["stranger"] = refusal(lambda: stranger.videos.list())
    return seen


def refusal(call: Any) -> dict[str, Any]:
    """The error a call ends with, as the SDK's users see it."""
    try:
        call()
    except openai.APIStatusError as error:
        return {
            "class": type(error).__name__,
            "status": error.status_code,
            "code": error.code,
            "param": error.param,
            "type": error.type,
            "request_id": error.request_id,
            "body": error.body,
        }
    return {"class": None}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2])))  # noqa: T201
