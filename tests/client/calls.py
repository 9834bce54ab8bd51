"""The calls of `calls.json`, which all clients share: their server, and the results of the Python client."""

from __future__ import annotations

import hashlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

from fixed_server import FixedServer, Reply

import safelight_client as sc

CALLS: list[dict[str, Any]] = json.loads(Path(__file__).with_name("calls.json").read_text("utf-8"))["calls"]
MP4 = b"\0\0\0\x18ftypmp42" + bytes(1000)
RETRIES = sc.RetryPolicy(first_s=0.01, max_s=0.02, poll_s=0.01, max_poll_s=0.02, vanished_after_s=0.05)


def serve(server: FixedServer, call: dict[str, Any]) -> str:
    """Gives the server the answers of a call. Returns its address for this call."""
    place = f"/{hashlib.sha256(call['name'].encode()).hexdigest()[:8]}/v1"
    address = server.url.removesuffix("/v1") + place
    for step, replies in call["answers"].items():
        method, _, path = step.partition(" ")
        server.answers[f"{method} {place}{path}"] = _in_turn(list(replies), address)
    return address


def _in_turn(replies: list[Any], address: str) -> Any:
    elsewhere = address.replace("127.0.0.1", "localhost")

    def reply(_: dict[str, str]) -> Reply:
        # Made when it is sent: a client looks for a lost video among those of the last seconds.
        status, headers, content = _reply(*(replies.pop(0) if len(replies) > 1 else replies[0]))
        sent = {name: value.replace("ELSEWHERE", elsewhere) for name, value in headers.items()}
        return status, sent, content

    return reply


def _reply(status: int, headers: dict[str, str], content: Any) -> Reply:
    if isinstance(content, str):
        start, _, end = content.removeprefix("MP4").strip("[]").partition(":")
        return status, headers, MP4[int(start or 0) : int(end or len(MP4))]
    text = json.dumps(content).replace('"NOW"', str(int(time.time())))
    return status, headers, json.loads(text.replace("SHA", hashlib.sha256(MP4).hexdigest()))


def prepare(call: dict[str, Any], folder: Path) -> Path:
    """The path for the file of a call, with the part of an earlier download."""
    path = folder / call.get("folder", "") / "v1.mp4"
    if "part" in call:
        (folder / "v1.mp4.part").write_text(call["part"])
        (folder / "v1.mp4.part.etag").write_text(call["part_etag"])
    return path


def observed(call: dict[str, Any], server: FixedServer, address: str, folder: Path) -> dict[str, Any]:
    """What the server and the folder got from one call."""
    place = "/" + address.split("/", 3)[3]
    mine = [(line, headers) for line, headers, _ in server.requests if f" {place}/" in line]
    forms = [(headers, body) for line, headers, body in server.requests if f"POST {place}/" in line]
    server.requests.clear()
    sent = [(line.replace(place, ""), "authorization" in headers) for line, headers in mine]
    if call["do"] == "wait" and "requests" not in call["expect"]:
        # How often a video is polled until a deadline depends on the speed of the machine.
        sent = [one for one, _ in itertools.groupby(sent)]
    return {
        "requests": [line for line, _ in sent],
        "ranges": [headers.get("range", "") for line, headers in mine if line.endswith("/content")],
        "authorized": [authorized for _, authorized in sent],
        "forms": [_form(headers, body) for headers, body in forms],
        "files": sorted(path.name for path in folder.iterdir()),
    }


def _form(headers: dict[str, str], body: bytes) -> str:
    """The form as it was sent, without its random boundary."""
    kind, _, boundary = headers["content-type"].partition("; boundary=")
    return kind + "\n" + body.decode().replace(boundary, "BOUNDARY")


def run(call: dict[str, Any], address: str, path: Path) -> dict[str, Any]:
    """What the call returned or raised with the Python client."""
    honours_keys = call.get("honours_keys")
    with sc.Client(address, call.get("api_key", ""), honours_keys=honours_keys, retries=RETRIES) as client:
        try:
            return _perform(client, call, path)
        except sc.ClientError as error:
            return _error(error)


def _perform(client: sc.Client, call: dict[str, Any], path: Path) -> dict[str, Any]:
    fields = call.get("fields", {})
    match call["do"]:
        case "create":
            if file := call.get("file"):
                fields = {**fields, "input_reference": (file["name"], file["text"].encode(), file["type"])}
            return _video(client.create(call.get("prompt", "a tram"), **fields))
        case "retrieve":
            return _video(client.retrieve("v1"))
        case "wait":
            seen: list[str] = []
            client.wait(
                "v1",
                deadline_s=call.get("deadline_s", 60),
                on_progress=lambda now: seen.append(f"{now.server_status} {now.progress}"),
            )
            return {**_video(client.retrieve("v1")), "progress": seen}
        case "download":
            found = client.download("v1", path)
            return {"size": found.size, "is_verified": found.is_verified, "sha256": found.sha256}
        case "list":
            page = client.list()
            return {"ids": [video.id for video in page.videos], "has_more": page.has_more}
        case "cancel":
            cancelled = client.cancel("v1")
            return {"cancelled": cancelled.cancelled, "message": cancelled.message}
        case _:
            made = client.generate("a tram", _plan(call["plan"]), **fields)
            return {**_video(made.video), "submissions": _lines(made.submissions)}


def _plan(given: dict[str, Any]) -> sc.Plan:
    draft = given.get("draft")
    return sc.Plan(
        models=[sc.ModelChoice(**one) for one in given["models"]],
        draft=None if draft is None else sc.Draft(**draft),
        max_usd=given.get("max_usd"),
        max_submissions=given.get("max_submissions", 3),
    )


def _video(video: sc.Video) -> dict[str, Any]:
    return {
        "id": video.id,
        "status": video.status,
        "server_status": video.server_status,
        "charged": video.charged,
        "amount": video.amount,
        "stage": video.stage,
        "retry": video.retry,
        "next_step": video.next_step,
    }


def _error(error: sc.ClientError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        **explained(error.explanation),
        "status": error.status,
        "candidates": list(getattr(error, "candidates", ())),
        "submissions": _lines(error.submissions),
    }


def explained(found: sc.Explanation | None) -> dict[str, Any]:
    """An explanation as an object, without its message, in which libraries state their own words."""
    if found is None:
        return {}
    return {
        "kind": found.kind,
        "stage": found.stage,
        "charged": found.charged,
        "retry": found.retry,
        "next_step": found.next_step,
        "after_s": found.after_s,
        "code": found.code,
        "by_provider": found.by_provider,
        "provider": found.provider,
        "category": found.category,
    }


def _lines(submissions: tuple[sc.Submission, ...]) -> list[str]:
    return [
        f"{one.model} {one.video_id} {one.outcome} {one.charged} "
        + ("null" if one.worst_usd is None else f"{round(one.worst_usd, 6):g}")
        for one in submissions
    ]
