"""The Videos API of the scripted upstream."""

from __future__ import annotations

import gzip
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from ..clips import tiny_clip, write_plain_clip
from .bodies import read_create
from .http_server import Reply, Request
from .scenario import ScenarioRule, ScriptedAction
from .state import AcceptedRequest, FakeUpstreamState
from .steering import PROBE, preview_picture

#: Largest width and height, and greatest length, of a video.
MAX_SIDE = 4096
MAX_SECONDS = 60
#: The upstream accepts a request in all of these cases; only the response to the client differs.
ACCEPTED = frozenset({"ok", "lose_answer", "hang", "garbage", "html", "gzip_bomb"})
_SENTINEL = "Hmmm something didn't look right with your request."


class Routes:
    """Answers requests from the state of the upstream. `recorded` is called after each create request,
    before its response is sent.
    """

    #: The headers in which a client may send the key, each with what precedes the key.
    keys: tuple[tuple[str, str], ...] = (("authorization", "Bearer "),)

    def __init__(self, book: FakeUpstreamState, *, clips: Path, recorded: Callable[[], None]) -> None:
        self._book = book
        self._clips = clips
        self._recorded = recorded

    def handle(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if not self._admitted(request):
            return _error(401, "invalid_api_key", "Incorrect API key provided: sk-wrong-0123456789.")
        if parts == ["_safelight", "counts"]:
            return _json(self._book.counts())
        match request.method, parts:
            case "GET", ["v1", "models"]:
                script = self._book.scenario
                owner: dict[str, Any] = {"owned_by": script.owned_by} if script.owned_by else {}
                if script.steers:
                    owner = {"owned_by": "safelight-steer", "safelight": PROBE}
                models = [{"id": name, "object": "model", **owner} for name in script.models]
                return _json({"object": "list", "data": models})
            case "POST", ["v1", "videos"]:
                return self._create(request, at_once=False)
            case "POST", ["v1", "videos", "sync"]:
                return self._create(request, at_once=True)
            case "POST", ["v1", "videos", ("edits" | "extensions")]:
                return self._create(request, at_once=False, needs="video")
            case "POST", ["v1", "videos", source, "remix"]:
                entry = self._book.orders.get(source)
                if entry is None or entry.deleted:
                    return _missing()
                return self._create(request, at_once=False, source=entry)
            case "GET", ["v1", "videos"]:
                return self._list(request)
            case (("GET" | "DELETE"), ["v1", "videos", name]):
                entry = self._book.orders.get(name)
                if entry is None or entry.deleted:
                    return _missing()
                return self._retrieve(entry) if request.method == "GET" else self._delete(entry)
            case "GET", ["v1", "videos", name, "content"]:
                entry = self._book.orders.get(name)
                return _missing() if entry is None or entry.deleted else self._content(entry, request)
            case "GET", ["v1", "videos", name, "preview"]:
                entry = self._book.orders.get(name)
                return _missing() if entry is None or entry.deleted else self._preview(entry)
        return _missing()

    def _admitted(self, request: Request) -> bool:
        wanted = self._book.scenario.api_key
        return not wanted or any(
            hmac.compare_digest(request.headers.get(name, "").encode(), f"{scheme}{wanted}".encode())
            for name, scheme in self.keys
        )

    def _create(
        self, request: Request, *, at_once: bool, needs: str = "", source: AcceptedRequest | None = None
    ) -> Reply:
        try:
            fields, files = read_create(request.headers.get("content-type", ""), request.body)
        except ValueError as error:
            return _error(400, "invalid_request", f"Unreadable: {error}.")
        prompt = fields.get("prompt")
        if not isinstance(prompt, str) or not prompt:
            return _error(400, "missing_required_parameter", "A prompt is required.")
        if needs and needs not in fields and all(file["field"] != needs for file in files):
            return _error(400, "missing_required_parameter", f"A {needs} is required.")
        if source is not None:
            kept: dict[str, Any] = {
                name: source.fields[name] for name in ("model", "seconds", "size") if name in source.fields
            }
            fields = {**kept, **fields, "remixed_from_video_id": source.id}
        if _is_too_large(fields):
            return _error(400, "invalid_value", "The video is too long or too large for this server.")
        fields["route"] = request.path
        key = request.headers.get("idempotency-key", "")
        rule = self._book.receive(key, fields)
        act = self._book.act(rule, "submit")
        if act.do in ACCEPTED:
            entry = self._book.accept(key, fields, files, rule)
            self._recorded()
            if act.do == "ok":
                return self._clip(entry, act) if at_once else _json(self._book.video(entry), act)
        else:
            self._recorded()
        return _trouble(act)

    def _list(self, request: Request) -> Reply:
        self._book.asked["lists"] += 1
        if not self._book.scenario.lists:
            return _error(405, "method_not_allowed", "This server has no list.")
        entries = [
            entry
            for entry in self._book.orders.values()
            if not entry.deleted and self._book.status(entry) != "gone"
        ]
        if request.query.get("order") != "asc":
            entries.reverse()
        after = request.query.get("after")
        ids = [entry.id for entry in entries]
        if after in ids:
            entries = entries[ids.index(after) + 1 :]
        limit = request.query.get("limit", "20")
        page = entries[: min(int(limit), 100) if limit.isdigit() else 20]
        return _json(
            {
                "object": "list",
                "data": [self._book.video(entry) for entry in page],
                "first_id": page[0].id if page else None,
                "last_id": page[-1].id if page else None,
                "has_more": len(page) < len(entries),
            }
        )

    def _retrieve(self, entry: AcceptedRequest) -> Reply:
        self._book.asked["polls"] += 1
        entry.polls += 1
        act = self._book.act(entry.rule, "poll")
        if act.do != "ok":
            return _trouble(act)
        if self._book.status(entry) == "gone":
            return _missing()
        return _json(self._book.video(entry), act)

    def _delete(self, entry: AcceptedRequest) -> Reply:
        self._book.asked["deletes"] += 1
        act = self._book.act(entry.rule, "delete")
        if act.do in {"ok", "lose_answer"}:
            entry.deleted = True
        if act.do != "ok":
            return _trouble(act)
        return _json({"id": entry.id, "object": "video.deleted", "deleted": True}, act)

    def _content(self, entry: AcceptedRequest, request: Request) -> Reply:
        self._book.asked["fetches"] += 1
        entry.fetches += 1
        act = self._book.act(entry.rule, "content")
        if act.do == "ok" and self._book.status(entry) != "completed":
            return _error(409, "not_ready", "The video is not finished.")
        reply = self._clip(entry, act)
        return _part(reply, request) if self._book.scenario.ranges else reply

    def _preview(self, entry: AcceptedRequest) -> Reply:
        self._book.asked["previews"] += 1
        act = self._book.act(entry.rule, "preview")
        if act.do == "missing" or not self._book.has_preview(entry):
            return _missing()
        if act.do not in {"ok", "empty", "text"}:
            return _trouble(act)
        entry.previews += 1
        wrong = {"empty": b"", "text": b"This is text, not a picture."}
        body = wrong[act.do] if act.do in wrong else preview_picture()
        return Reply(headers={"content-type": "image/png"}, body=body, delay_s=act.delay_s)

    def _clip(self, entry: AcceptedRequest, act: ScriptedAction) -> Reply:
        match act.do:
            case "ok" | "truncated" | "short" | "slow":
                ways: dict[str, Any] = {"truncated": "cut", "slow": "slow"}
                clip = self._bytes(entry.rule, entry)
                return Reply(
                    headers={"content-type": "video/mp4"},
                    # `short`: the announced length is that of the half which is sent.
                    body=clip[: len(clip) // 2] if act.do == "short" else clip,
                    delay_s=act.delay_s,
                    way=ways.get(act.do, "send"),
                )
            case "missing":
                return _missing()
            case "empty":
                return Reply(headers={"content-type": "video/mp4"})
            case "text":
                return Reply(headers={"content-type": "video/mp4"}, body=b"This is text, not a video.")
        return _trouble(act)

    def _bytes(self, rule: ScenarioRule, entry: AcceptedRequest) -> bytes:
        if rule.clip == "tiny":
            return tiny_clip()
        if rule.clip != "asked":
            return Path(rule.clip).read_bytes()
        width, _, height = str(entry.fields.get("size", "720x1280")).partition("x")
        seconds = int(str(entry.fields.get("seconds", "4")))
        path = self._clips / f"{int(width)}x{int(height)}-{seconds}.mp4"
        if not path.exists():
            write_plain_clip(path, width=int(width), height=int(height), seconds=seconds)
        return path.read_bytes()


def _part(reply: Reply, request: Request) -> Reply:
    """The rest of a file from the position that the client asks for, if it is still the same file."""
    start = request.headers.get("range", "").removeprefix("bytes=").removesuffix("-")
    if reply.status != 200 or not reply.headers.get("content-type", "").startswith("video/"):
        return reply
    etag = f'"{hashlib.sha256(reply.body).hexdigest()}"'
    headers = {**reply.headers, "etag": etag}
    if not start.isdigit() or request.headers.get("if-range", etag) != etag:
        return replace(reply, headers=headers)
    total = len(reply.body)
    if int(start) >= total:
        return replace(reply, status=416, headers={"content-range": f"bytes */{total}"}, body=b"", way="send")
    stated = f"bytes {start}-{total - 1}/{total}"
    return replace(
        reply, status=206, headers={**headers, "content-range": stated}, body=reply.body[int(start) :]
    )


def _is_too_large(fields: dict[str, Any]) -> bool:
    """Whether making the clip would take too much time or memory."""
    width, _, height = str(fields.get("size", "720x1280")).partition("x")
    try:
        sides = abs(int(width)), abs(int(height))
        return max(sides) > MAX_SIDE or int(str(fields.get("seconds", "4"))) > MAX_SECONDS
    except ValueError:
        return False


@cache
def _gzip_bomb() -> bytes:
    """Some 65 kB that decompress to 64 MiB."""
    return gzip.compress(bytes(64 << 20))


def _trouble(act: ScriptedAction) -> Reply:
    match act.do:
        case "drop":
            return Reply(way="reset", delay_s=act.delay_s)
        case "lose_answer":
            return Reply(way="close", delay_s=act.delay_s)
        case "hang":
            return Reply(way="hang")
        case "garbage":
            return Reply(headers={"content-type": "application/json"}, body=b'{"id": ', delay_s=act.delay_s)
        case "html":
            page = b"<!doctype html><title>Please log in</title><p>Please log in.</p>"
            return Reply(headers={"content-type": "text/html; charset=utf-8"}, body=page, delay_s=act.delay_s)
        case "gzip_bomb":
            headers = {"content-type": "application/json", "content-encoding": "gzip"}
            return Reply(headers=headers, body=_gzip_bomb(), delay_s=act.delay_s)
        case "redirect":
            return Reply(status=act.status or 302, headers={"location": act.location}, delay_s=act.delay_s)
    status = act.status or 500
    code = act.code or (
        "rate_limited" if status == 429 else "server_error" if status >= 500 else "bad_request"
    )
    message = act.message or (_SENTINEL if code == "sentinel_block" else f"Scripted status {status}.")
    error: dict[str, Any] = {"message": message, "type": "scripted", "param": None, "code": code}
    if act.moderation_details is not None:
        error["moderation_details"] = act.moderation_details
    headers = {"retry-after": f"{act.retry_after:g}"} if act.retry_after is not None else {}
    reply = _json({"error": error}, act)
    return Reply(status=status, headers={**reply.headers, **headers}, body=reply.body, delay_s=act.delay_s)


def _json(built: object, act: ScriptedAction | None = None) -> Reply:
    return Reply(
        headers={"content-type": "application/json"},
        body=msgspec.json.encode(built),
        delay_s=act.delay_s if act else 0.0,
    )


def _error(status: int, code: str, message: str) -> Reply:
    return _trouble(ScriptedAction(do="status", status=status, code=code, message=message))


def _missing() -> Reply:
    return _error(404, "not_found", "No such video.")
