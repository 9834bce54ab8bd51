"""Reads the status of a request whatever a relay calls it and wherever it puts it. Pure.

Each provider has words of its own, and relays pass them on: `succeed` (Kling), `Fail` (MiniMax), `SUCCESS`
(new-api). Some relays wrap the video in `data`, `output` or `result`, and call its id `task_id`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from safelight.core.errors import UpstreamInvalidResponse
from safelight.providers.protocol import UpstreamState
from safelight.providers.upstream.bodies import read_number, states_something
from safelight.providers.upstream.submission import is_id

#: The words of known servers.
STATES: Mapping[str, UpstreamState] = {
    word: state
    for state, words in {
        UpstreamState.QUEUED: "queued pending waiting submitted accepted created in_queue throttled",
        UpstreamState.RUNNING: "in_progress processing running generating started preparing dreaming",
        UpstreamState.DONE: "completed complete succeeded succeed success successful done finished ready",
        UpstreamState.FAILED: (
            "failed failure fail error errored cancelled canceled cancel expired rejected aborted timeout "
            "timed_out deleted incomplete moderated content_moderated request_moderated nsfw"
        ),
    }.items()
    for word in words.split()
}
#: Stems of words that are in no list. A participle (`cancelling`, `completing`) is still going on.
_FAILS = re.compile(
    r"(?:^|_)(?:un_?succ|incomplet|fail|err|cancel|reject|abort|expir|refus|violat)(?!\w*ing$)|失败|失敗"
)
_SUCCEEDS = re.compile(
    r"(?<!not_)(?<![a-z])(?:succe|complete(?:d|s)?(?:_|$)|finish|done|ready$)(?!\w*ing$)|成功|(?<!未)完成"
)
_GOES_ON = re.compile(r"(?:^|_)(?:\w+ing|queued?|scheduled)(?:$|_)|中$|[排等][队隊待]")
#: The names of fields, without case and underscores, by the name under which they are read here.
_NAMES: Mapping[str, Sequence[str]] = {
    name: names.split()
    for name, names in {
        "status": "status taskstatus state taskstate statusstr statustext statetext phase stage",
        "progress": "progress progresspercent percent",
        "completed_at": "completedat finishedat endedat finishtime endtime completetime finished",
        "error": "error errormessage errormsg",
        #: new-api has the link of a finished clip there too.
        "reason": "failure failurereason failreason failedreason",
        "url": "url videourl downloadurl outputurl resulturl resultvideourl uri",
        "is_done": "done isdone finished isfinished completed iscompleted successflag",
    }.items()
}
_ID_NAMES = ("id", "taskid", "videoid", "generationid", "jobid", "promptid", "uuid", "uid")
_WRAPPERS = ("data", "output", "result", "response", "resp", "task", "job", "video")
#: A shorter text in place of the wrapped object is a word such as `success`.
_MIN_WHOLE_CHARACTERS = 10


def read_video(body: dict[str, Any]) -> dict[str, Any]:
    """The video object of an answer with what stands around it, and its fields also under the names that are
    read here.
    """
    wrapped = _inner(body)
    inner = next((one for one in wrapped if _find(one, "status", str) is not None), None)
    if inner is None and _find(body, "status", str) is None:
        inner = next((one for one in wrapped if any(_find(one, name) is not None for name in _NAMES)), None)
    video = body
    if inner is not None:
        # The status around it is that of the answer, and not of the request.
        video = {name: value for name, value in body.items() if _key(name) not in _NAMES["status"]} | inner
    known = {name: found for name in _NAMES if (found := _find(video, name)) is not None}
    if not states_something(known.get("error")):
        errors = (_find(one, "error") for one in wrapped)
        known["error"] = next(filter(states_something, errors), None)
    return {**video, **known}


def read_id(body: dict[str, Any]) -> str | None:
    """The id of the request in an answer to its submission; a number as text; None if there is none."""
    wrapped = _inner(body)
    for place in (body, *wrapped, *(deeper for one in wrapped for deeper in _inner(one))):
        by_name = {_key(name): value for name, value in place.items()}
        for name in _ID_NAMES:
            if found := _as_id(by_name.get(name)):
                return found
    whole = _as_id(body.get("data"))
    return whole if whole is not None and len(whole) >= _MIN_WHOLE_CHARACTERS else None


def _as_id(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    return text if is_id(text) and not re.search(r"\s", text) else None


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _inner(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects that a relay wraps around a request, and the only element of a list."""
    found = []
    for name, value in body.items():
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        if _key(name) in _WRAPPERS and isinstance(one, dict):
            found.append(one)
    return found


def _find(place: Mapping[str, Any], wanted: str, kind: type = object) -> Any:
    """The value of a field by any of its names, a text first; None if there is none with content."""
    by_name = {_key(name): value for name, value in place.items()}
    values = [by_name[name] for name in _NAMES[wanted] if by_name.get(name) not in (None, "")]
    values.sort(key=lambda value: not isinstance(value, str))
    return next((value for value in values if isinstance(value, kind)), None)


def read_word(video: dict[str, Any]) -> str:
    """The status word of what `read_video` returned, in lower case with underscores; empty if there is none
    although something else tells about the request. Raises `UpstreamInvalidResponse` if nothing does.
    """
    stated = video.get("status")
    if isinstance(stated, str | int) and not isinstance(stated, bool) and str(stated).strip():
        return re.sub(r"[\s-]+", "_", str(stated).strip().lower())
    if stated is None and any(video.get(name) is not None for name in _NAMES):
        return ""
    raise UpstreamInvalidResponse("The generator's response has no status.")


def read_state(word: str) -> UpstreamState | None:
    """The state that a status word means: from the known words, else from its stem; None if unknown."""
    if word in STATES:
        return STATES[word]
    fails, succeeds = _FAILS.search(word), _SUCCEEDS.search(word)
    if fails and succeeds and succeeds.start() < fails.start():
        # `completed_with_errors`: only the file can tell.
        return None
    if fails:
        return UpstreamState.FAILED
    goes_on = _GOES_ON.search(word)
    if goes_on and not (succeeds and succeeds.start() > goes_on.start()):
        return UpstreamState.RUNNING
    return UpstreamState.DONE if succeeds else None


def has_ended(video: dict[str, Any]) -> bool:
    """Whether the object says when the request ended."""
    return video.get("completed_at") not in (None, "", 0, "0") and not isinstance(video["completed_at"], bool)


def states_error(video: Mapping[str, Any]) -> bool:
    """Whether a field for errors or reasons says something that is no link."""
    reason = video.get("reason")
    is_link = isinstance(reason, str) and reason.startswith("http")
    return states_something(video.get("error")) or (states_something(reason) and not is_link)


def may_be_finished(video: dict[str, Any]) -> bool:
    """Whether its word is not that of an end, while something else says that the clip may be there: when it
    ended, or, with an unknown word, a link, a progress of 100, or that it is done. Only the clip can tell.
    """
    state = read_state(read_word(video))
    if state in (UpstreamState.DONE, UpstreamState.FAILED) or states_error(video):
        return False
    is_near = (read_percent(video) or 0) >= 100 or bool(video.get("url")) or video.get("is_done") in (True, 1)
    return has_ended(video) or (state is None and is_near)


def read_percent(video: dict[str, Any]) -> int | None:
    """The progress, also one that is written as `100%`."""
    stated = video.get("progress")
    number = read_number(stated.rstrip("% ") if isinstance(stated, str) else stated)
    return None if number is None else round(min(max(number, 0.0), 100.0))
