"""Reads the generation requests of a HAR file, which a browser records.

Headers, cookies and addresses are never stored.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from safelight.core.errors import BadInput, InvalidField, TooLarge
from safelight.providers.provider_errors import ErrorKind, decode
from safelight.providers.provider_errors.registry import known_providers
from safelight.providers.provider_errors.rules import compiled

from .error_text import shorten_error
from .fields import MAX_ERROR_CHARS, MAX_ROWS, read_attempt
from .models import AttemptOutcome, NewAttempt

_MIN_FAILED_STATUS = 400
#: Names of a task's id, anywhere in an answer. A plain `id` can be that of an account.
_TASK_IDS = (
    *("task_id", "taskId", "taskUUID", "video_id", "generation_id", "job_id"),
    *("request_id", "requestId"),
)
_PROMPTS = ("prompt", "text_prompt", "promptText", "prompt_text")
#: Fields in which `text` is the prompt of a video.
_TEXT_PARTS = ("content", "textToVideoParams")
_LENGTHS = ("seconds", "duration", "duration_seconds", "durationSeconds")
_VIDEO_FIELDS = (*_LENGTHS, "num_frames", "fps")
_VIDEO_PATH = re.compile(
    r"video|veo|predictlongrunning|t2v|i2v|animat|dream-machine|contents/generations/tasks|async-invoke",
    re.IGNORECASE,
)
_OTHER_PATH = re.compile(r"/images?(?:/|$)|/chat/|/responses$|/audio/|generatecontent", re.IGNORECASE)
_STATES = ("status", "state", "task_status")
_WAITING = frozenset(
    {"queued", "in_queue", "pending", "submitted", "starting", "processing", "running", "in_progress"}
)
_DONE = frozenset({"completed", "succeeded", "success", "succeed", "done", "finished"})
_FAILED = frozenset({"failed", "failure", "fail", "error", "rejected", "canceled", "cancelled", "blocked"})
_MIN_ID_CHARS = 6
_MAX_DEPTH = 12
_MAX_HOSTS = 8
#: Fields without which an attempt is still useful. An unusable value of another program is left out.
_OPTIONAL = frozenset({"model", "size", "seconds", "request_id", "prompt"})


@dataclass
class _Draft:
    """A generation request whose end later entries may show."""

    fields: dict[str, Any]
    entry: int


def read_har(text: str, *, provider: str = "", host: str = "") -> list[NewAttempt]:
    """The attempts in a HAR file. Requests to `host` are requests to `provider`.

    Raises `BadInput` if it is not a HAR file, or if no entry is a generation request.
    """
    drafts: list[_Draft] = []
    by_id: dict[str, _Draft] = {}
    hosts: dict[str, None] = {}
    for number, entry in enumerate(_entries(text), 1):
        request, response = _part(entry, "request"), _part(entry, "response")
        address = _address(request.get("url", ""))
        found_host = (address.hostname or "").lower()
        hosts.setdefault(found_host)
        named = provider if host and found_host == host.lower() else _provider_of(found_host)
        if not named or request.get("method") not in ("GET", "POST"):
            continue
        body = _body(_part(response, "content"))
        answer = _Answer(body=body, document=_json(body), status=response.get("status"))
        sent = _json(str(_part(request, "postData").get("text", "")))
        prompt = _prompt(sent) if request.get("method") == "POST" else ""
        if prompt and _is_video(address.path, sent, answer):
            if len(drafts) >= MAX_ROWS:
                raise TooLarge(f"The file has more than {MAX_ROWS:,} generation requests.")
            draft, is_final = _Draft(_request_fields(sent, prompt, named, entry), number), answer.is_failed
            draft.fields["request_id"] = next(iter(answer.ids), None)
            drafts.append(draft)
        elif known := next((by_id[part] for part in _parts(address) if part in by_id), None):
            # A failed poll or download is not the end of the request, unless a filter refused it.
            draft, is_final = known, answer.is_failed and answer.is_refusal(named)
        else:
            continue
        _note_end(draft, answer, is_final=is_final)
        if not answer.is_failed:
            by_id |= {each.rpartition("/")[2]: draft for each in answer.ids}
    if not drafts:
        named_hosts = ", ".join(sorted(each for each in hosts if each)[:_MAX_HOSTS]) or "none"
        raise BadInput(
            "No entry of this HAR file is a generation request to a known video provider. "
            f"Hosts: {named_hosts}.",
            remedy="Record requests to a provider, or name it with --provider and its host with --host.",
        )
    return [_attempt(draft) for draft in drafts]


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """The response to one request."""

    body: str
    document: Any
    status: Any

    @property
    def state(self) -> str:
        return str(_find(self.document, _STATES) or "").lower()

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the request, the most specific one first."""
        document = self.document
        named = [_find(document, (name,)) for name in _TASK_IDS]
        name = _find(document, ("name",))
        if isinstance(name, str) and "operations/" in name:
            named.append(name)
        named += [part.get("id") for part in (_part({"top": document}, "top"), _part(document, "data"))]
        texts = (each for each in named if isinstance(each, str) and len(each) >= _MIN_ID_CHARS)
        return tuple(dict.fromkeys(texts))

    @property
    def is_failed(self) -> bool:
        return isinstance(self.status, int) and self.status >= _MIN_FAILED_STATUS

    def is_refusal(self, provider: str) -> bool:
        return decode(self.body[:MAX_ERROR_CHARS], provider=provider).kind is ErrorKind.CONTENT_BLOCK

    @property
    def error(self) -> str:
        return shorten_error(self.body)[:MAX_ERROR_CHARS] or f"HTTP status {self.status}"


def _entries(text: str) -> list[Mapping[str, Any]]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"Line {error.lineno} is not JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise BadInput("The file is nested too deeply, or a number in it is too long.") from error
    entries = _part(document, "log").get("entries")
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise BadInput("This is not a HAR file: it has no list `log.entries`.")
    return sorted(entries, key=lambda entry: str(entry.get("startedDateTime", "")))


def _attempt(draft: _Draft) -> NewAttempt:
    if "error" not in draft.fields and "file_came" not in draft.fields:
        # The recording does not show the end.
        draft.fields["outcome"] = AttemptOutcome.UNKNOWN.value
    while True:
        try:
            return read_attempt(draft.fields)
        except InvalidField as error:
            if error.param not in _OPTIONAL or draft.fields.pop(error.param, None) is None:
                raise BadInput(f"Entry {draft.entry}: {error.message}", param=error.param) from error


def _prompt(sent: Any) -> str:
    texts = (_find(_part({"sent": sent}, "sent").get(name), ("text",)) for name in _TEXT_PARTS)
    found = _find(sent, _PROMPTS) or next((text for text in texts if text), None)
    return found if isinstance(found, str) else ""


def _is_video(path: str, sent: Any, answer: _Answer) -> bool:
    """Whether a request with a prompt asks for a video; the same hosts write texts and draw images."""
    if _VIDEO_PATH.search(path):
        return True
    if _OTHER_PATH.search(path):
        return False
    return _find(sent, _VIDEO_FIELDS) is not None or (answer.state in _WAITING and bool(answer.ids))


def _request_fields(sent: Any, prompt: str, provider: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "time": entry.get("startedDateTime"),
        "provider": provider,
        "prompt": prompt,
        "model": _find(sent, ("model", "model_name", "model_id")),
        "size": _find(sent, ("size", "resolution")),
        "seconds": _find(sent, _LENGTHS),
    }


def _note_end(draft: _Draft, answer: _Answer, *, is_final: bool) -> None:
    """Record the end of the request if an answer shows it: an error, or that the file is ready."""
    if is_final or (not answer.is_failed and answer.state in _FAILED and "file_came" not in draft.fields):
        draft.fields["error"] = answer.error
        draft.fields.pop("file_came", None)
    elif not answer.is_failed and answer.state in _DONE and "error" not in draft.fields:
        draft.fields["file_came"] = True


def _parts(address: SplitResult) -> list[str]:
    """The words of an address among which the id of a request can be."""
    return re.split(r"[/?&=:,]", unquote(f"{address.path}?{address.query}"))


def _address(url: Any) -> SplitResult:
    try:
        address = urlsplit(str(url))
        # The host is checked only when it is read.
        _ = address.hostname
    except ValueError:
        return SplitResult("", "", "", "", "")
    return address


def _provider_of(host: str) -> str:
    """The known provider whose addresses contain this host; empty if none does."""
    if not host:
        return ""
    # A path follows, because some patterns end with a slash.
    signed = (p for p in known_providers() if p.signs and compiled(p.signs).search(f"https://{host}/"))
    return next((p.name for p in signed if p.name), "")


def _body(content: Mapping[str, Any]) -> str:
    text = str(content.get("text", ""))
    if content.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError:
        # A picture or a video.
        return ""


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _find(document: Any, names: tuple[str, ...], depth: int = 0) -> Any:
    """The first scalar with one of these names, outermost first."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(document, list):
        children = document
    elif isinstance(document, Mapping):
        for name in names:
            if isinstance(document.get(name), str | int | float):
                return document[name]
        children = list(document.values())
    else:
        return None
    found = (_find(child, names, depth + 1) for child in children)
    return next((each for each in found if each is not None), None)


def _part(document: Any, name: str) -> Mapping[str, Any]:
    part = document.get(name) if isinstance(document, Mapping) else None
    return part if isinstance(part, Mapping) else {}
