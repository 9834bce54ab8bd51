"""Run by the Python of a locked environment with the official SDK: `conformance.py URL KEY PART [LIST]`.

Prints one JSON object of what was seen; the test that started it judges. The SDK is used as its users use it,
changed only in `base_url`. The part `errors` takes a JSON list of troubles and orders one video for each;
`models` takes a list of models and makes one video with each.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import warnings
from collections.abc import Iterable
from typing import Any

# The SDK deprecates these calls, for OpenAI switched its own server off.
warnings.simplefilter("ignore", DeprecationWarning)

import openai  # noqa: E402


def calls(client: openai.OpenAI, base_url: str) -> dict[str, Any]:
    """Every call of the API, and what can be wrong with it."""
    videos = client.videos
    seen: dict[str, Any] = {"version": openai.__version__}
    video = videos.create_and_poll(
        prompt="A paper boat on a pond in the rain, slow pan",
        model="storyboard",
        seconds="4",
        size="640x360",  # type: ignore[arg-type]
        extra_body={"safety_identifier": "user-1", "metadata": {"project": "boats"}},
        poll_interval_ms=250,
    )
    seen["made"] = video.to_dict()
    seen["retrieved"] = videos.retrieve(video.id).to_dict()
    seen["listed"] = [each.id for each in videos.list(limit=2)]
    content = videos.download_content(video.id).read()
    seen["content"] = {"sha256": hashlib.sha256(content).hexdigest(), "head": content[4:8].decode()}
    seen["thumbnail"] = len(videos.download_content(video.id, variant="thumbnail").read())
    seen["remixed"] = videos.remix(video.id, prompt="at night").to_dict()
    # The SDK accepts only a file as `video`, not an object: an id is passed in the extra arguments.
    by_id: Any = {"video": openai.omit, "extra_body": {"video": {"id": video.id}}}
    seen["extended"] = videos.extend(prompt="and then the sun comes out", seconds="4", **by_id).to_dict()
    seen["edit"] = refusal(lambda: videos.edit(prompt="make it night", **by_id))
    clip = ("boat.mp4", content, "video/mp4")
    seen["edit_upload"] = refusal(lambda: videos.edit(prompt="make it night", video=clip))
    seen["character"] = videos.create_character(name="Bo the boat", video=clip).to_dict()
    seen["character_again"] = videos.get_character(seen["character"]["id"]).to_dict()

    def keyed(prompt: str) -> str:
        header = {"Idempotency-Key": f"{openai.__version__}-{video.id}"}
        return videos.create(prompt=prompt, extra_body={"size": "640x360"}, extra_headers=header).id

    seen["keyed"] = [keyed("a boat"), keyed("a boat")]
    seen["key_reused"] = refusal(lambda: keyed("another boat"))
    seen["models"] = [each.id for each in client.models.list()]
    seen["model"] = client.models.retrieve("storyboard").to_dict()
    seen["moderation"] = client.moderations.create(input=["a boat", "SAFELIGHT-TEST:violence"]).to_dict()
    url = f"data:video/mp4;base64,{base64.b64encode(content).decode()}"
    part: Any = {"type": "video_url", "video_url": {"url": url}}
    seen["moderated_clip"] = client.moderations.create(input=[part]).to_dict()
    raw = videos.with_raw_response.create(prompt="a boat", extra_body={"size": "640x360"})
    seen["rate"] = raw.headers["x-ratelimit-remaining-requests"]
    seen["deleted"] = videos.delete(video.id).to_dict()
    seen["after_delete"] = refusal(lambda: videos.retrieve(video.id))
    seen["remix_after_delete"] = refusal(lambda: videos.remix(video.id, prompt="at night"))
    seen["block"] = refusal(lambda: videos.create(prompt="SAFELIGHT-TEST:violence"))
    for name, more in (
        ("unknown_field", {"no_such_field": "x"}),
        ("did_you_mean", {"duration": "4"}),
        ("bad_reference", {"input_reference": {"image_url": "data:text/plain;base64,aGVsbG8="}}),
    ):
        seen[name] = refusal(lambda more=more: videos.create(prompt="a boat", extra_body=more))
    picture = ("a.png", b"this is no picture", "image/png")
    seen["text_as_png"] = refusal(lambda: videos.create(prompt="a boat", input_reference=picture))
    stranger = openai.OpenAI(base_url=base_url, api_key="sk-wrong")
    seen["stranger"] = refusal(lambda: stranger.videos.list())
    return seen


def errors(client: openai.OpenAI, troubles: Iterable[str]) -> dict[str, Any]:
    """One order for each trouble."""
    return {
        name: refusal(lambda name=name: client.videos.create(prompt=f"trouble:{name}")) for name in troubles
    }


def models(client: openai.OpenAI, names: Iterable[str]) -> dict[str, Any]:
    """The same program with each model: nothing but `model=` changes."""
    seen: dict[str, Any] = {}
    for name in names:
        video = client.videos.create_and_poll(
            prompt="A paper boat on a pond", model=name, poll_interval_ms=250
        )
        content = client.videos.download_content(video.id).read() if video.status == "completed" else b""
        seen[name] = {**video.to_dict(), "head": content[4:8].decode()}
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


def main(base_url: str, key: str, part: str, names: str = "[]") -> dict[str, Any]:
    client = openai.OpenAI(base_url=base_url, api_key=key)
    if part == "calls":
        return calls(client, base_url)
    return {"errors": errors, "models": models}[part](client, json.loads(names))


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201
