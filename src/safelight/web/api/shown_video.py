"""Videos of a response, with their texts in the language that the request accepts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import Request

from safelight.accounts import Principal
from safelight.core.errors import NotFound, RequestBlocked
from safelight.policy.explanations import ExplanationLevel, ExplanationLinks, explain
from safelight.policy.findings import Taxonomy
from safelight.videos.models import Video, VideoRecord, VideoState
from safelight.web.auth import AppState
from safelight.web.explained_video import blocking_verdict, explain_video, translate_sentences
from safelight.web.translations import Translations, negotiate_language

from .serializers import video_object

#: States whose explanation comes from a stored verdict.
_EXPLAINED = frozenset({VideoState.REJECTED, VideoState.BLOCKED, VideoState.HELD})


def accepted_texts(request: Request) -> Translations:
    """The texts of the language and region that the request accepts."""
    return negotiate_language(None, request.headers.get("accept-language"))


async def show_video(
    state: AppState, principal: Principal, video: Video, t: Translations, record: VideoRecord | None = None
) -> dict[str, Any]:
    """The video as JSON. `record`: as for `video_object`."""
    shown = video_object(video, record)
    if t.is_stored:
        return shown
    if record is None and video.state in _EXPLAINED and not video.vaulted:
        with suppress(NotFound):  # It was deleted meanwhile.
            record = await state.threads.run(state.services.videos.record, principal, video.id)
    return translate_video(shown, video, record, state.services.taxonomy, t)


def translate_video(
    shown: dict[str, Any], video: Video, record: VideoRecord | None, taxonomy: Taxonomy, t: Translations
) -> dict[str, Any]:
    """A serialized video with its texts in another language than that of the store."""
    if t.is_stored:
        return shown
    text = explain_video(video, record, taxonomy, t)
    error, ours = shown["error"], dict(shown["safelight"])
    if error:
        error = {**error, "message": text.sentence or t.translate_error(error["message"])}
        if "moderation_details" in error:
            error["moderation_details"] = _translated(error["moderation_details"], text.details)
    if held := ours["explanation"]:
        ours["explanation"] = _translated(held, text.details)
        if "message" in held:
            ours["explanation"]["message"] = text.sentence or t.translate_error(held["message"])
    if ours["late"]:
        ours["late"] = {**ours["late"], "message": t.translate_error(ours["late"]["message"])}
    if ours["download_problem"]:
        ours["download_problem"] = translate_sentences(ours["download_problem"], t)
    return {**shown, "error": error, "safelight": ours}


async def translate_block(
    state: AppState, principal: Principal, error: RequestBlocked, t: Translations
) -> RequestBlocked:
    """The same rejection with its texts in another language."""
    if t.is_stored:
        return error
    record = await state.threads.run(state.services.videos.record, principal, str(error.details["video_id"]))
    verdict = blocking_verdict(record)
    if verdict is None:
        return error
    links = {name: str(error.details.get(name) or "") for name in ("appeal", "record")}
    explanation = explain(
        verdict,
        state.services.taxonomy,
        level=ExplanationLevel.DEVELOPER,
        links=ExplanationLinks(**links),
        locale=t.tag,
        region=t.region,
    )
    return RequestBlocked(
        explanation.sentence,
        details=_translated(error.details, explanation.as_wire()),
        param=error.param,
        generator=error.generator,
        replayed=error.replayed,
    )


def _translated(stored: Mapping[str, Any], details: Mapping[str, Any]) -> dict[str, Any]:
    """The stored details, with the values of those that were made again."""
    return {name: details.get(name, value) for name, value in stored.items()}
