"""Reads the status of a request whatever a relay calls it and wherever it puts it. Pure.

Each provider has words of its own, and relays pass them on: `succeed` (Kling), `Fail` (MiniMax), `SUCCESS`
(new-api). Some relays wrap the video in `data`, `output` or `result`, and call its id `task_id`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from safelight.core.errors import UpstreamInvalidResponse
from safelight.providers.protocol import UpstreamState
from safelight.providers.upstream.bodies import read_number, read_table, states_something

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
    r"(?:^|_)(?:un_?succ|incomplet|fail|err|cancel|reject|abort|expir|refus|violat)(?!\w*ing$)"
)
_SUCCEEDS = re.compile(r"(?<!not_)(?<![a-z])(?:succe|complete(?:d|s)?(?:_|$)|finish|done|ready$)(?!\w*ing$)")
_GOES_ON = re.compile(r"(?:^|_)(?:\w+ing|queued?|scheduled)$")
_STATUS_FIELDS = ("status", "task_status", "state", "task_state")
_ID_FIELDS = ("id", "task_id", "video_id", "generation_id")
_WRAPPERS = ("data", "output", "result", "video")
_ERROR_FIELDS = ("error", "error_message", "failure", "failure_reason", "fail_reason", "failed_reason")
_END_FIELDS = ("completed_at", "finished_at", "ended_at", "finish_time", "end_time")
_LINK_FIELDS = ("url", "video_url", "download_url", "output_url", "result_url")


def read_video(body: dict[str, Any]) -> dict[str, Any]:
    """The video object of an answer, with what stands around it; the answer itself if nothing wraps it."""
    for name in _WRAPPERS:
        inner = body.get(name)
        if isinstance(inner, list) and len(inner) == 1:
            inner = inner[0]
        if isinstance(inner, dict) and any(isinstance(inner.get(key), str) for key in _STATUS_FIELDS):
            return {**body, **inner}
    return body


def read_id(body: dict[str, Any]) -> str | None:
    """The id of the request in an answer to its submission; a number as text; None if there is none."""
    places = (body, *(read_table(body.get(name)) for name in _WRAPPERS))
    for place in places:
        for name in _ID_FIELDS:
            found = place.get(name)
            if isinstance(found, str | int) and not isinstance(found, bool) and str(found).strip():
                return str(found)
    return None


def read_word(video: dict[str, Any]) -> str:
    """The status word in lower case, with underscores. Raises `UpstreamInvalidResponse` if there is none."""
    stated = [video[name] for name in _STATUS_FIELDS if video.get(name) not in (None, "")]
    # A number beside a word is the status of HTTP.
    stated.sort(key=lambda value: not isinstance(value, str))
    if not stated or not isinstance(stated[0], str | int) or not str(stated[0]).strip():
        raise UpstreamInvalidResponse("The generator's response has no status.")
    return re.sub(r"[\s-]+", "_", str(stated[0]).strip().lower())


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
    if _GOES_ON.search(word):
        return UpstreamState.RUNNING
    return UpstreamState.DONE if succeeds else None


def has_ended(video: dict[str, Any]) -> bool:
    """Whether the object says when the request ended."""
    return any(video.get(name) not in (None, "", 0, "0") for name in _END_FIELDS)


def states_error(video: Mapping[str, Any]) -> bool:
    """Whether a field for errors says something."""
    return any(states_something(video.get(name)) for name in _ERROR_FIELDS)


def may_be_finished(video: dict[str, Any]) -> bool:
    """Whether its word is not that of an end, while something else says that the clip may be there: when it
    ended, or, with an unknown word, a link or a progress of 100. Only the clip itself can tell.
    """
    state = read_state(read_word(video))
    if state in (UpstreamState.DONE, UpstreamState.FAILED) or states_error(video):
        return False
    is_near = state is None and ((read_percent(video) or 0) >= 100 or any(find_links(video)))
    return has_ended(video) or is_near


def find_links(video: Mapping[str, Any]) -> Iterator[str]:
    """The addresses of a finished clip that an object states, at its top or in its wrappers."""
    inner = (video.get(name) for name in _WRAPPERS)
    for place in (
        video,
        *(part for value in inner for part in (value if isinstance(value, list) else [value])),
    ):
        if isinstance(place, Mapping):
            links = (place.get(name) for name in _LINK_FIELDS)
            yield from (link for link in links if isinstance(link, str) and link.startswith("http"))


def read_percent(video: dict[str, Any]) -> int | None:
    """The progress, also one that is written as `100%`."""
    stated = video.get("progress")
    number = read_number(stated.rstrip("% ") if isinstance(stated, str) else stated)
    return None if number is None else round(min(max(number, 0.0), 100.0))
