"""The routes of OpenAI's Videos API that the server has. Needs no torch."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from .jobs import KeyReused, QueueFull, Video, Videos
from .requests import InvalidRequest, read_request
from .settings import ServerSettings
from .supervisor import Supervisor

#: A request has two texts and a few numbers.
MAX_BODY_BYTES = 256 * 1024
_MAX_LISTED = 100
#: Seconds after which a client should ask again when the queue is full.
_RETRY_S = 10


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str, *, param: str | None = None) -> None:
        self.status, self.code, self.message, self.param = status, code, message, param


def create_app(
    settings: ServerSettings,
    videos: Videos,
    supervisor: Supervisor,
    *,
    categories: frozenset[str],
    api_key: str = "",
) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        supervisor.start()
        yield
        supervisor.stop()

    app = FastAPI(title="safelight-steer", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def authenticate(request: Request, call_next: Callable[[Request], Any]) -> Response:
        if request.url.path.startswith("/v1/"):
            if "origin" in request.headers:
                # A page in a browser of this machine could otherwise send requests to a server without a key.
                return _error(ApiError(403, "forbidden_origin", "This server answers no web pages."))
            given = request.headers.get("authorization", "").encode()
            if api_key and not hmac.compare_digest(given, f"Bearer {api_key}".encode()):
                return _error(ApiError(401, "invalid_api_key", "The key is missing or wrong."))
        response: Response = await call_next(request)
        return response

    @app.exception_handler(ApiError)
    async def on_error(_: Request, error: ApiError) -> JSONResponse:
        return _error(error)

    @app.exception_handler(HTTPException)
    async def on_http_error(_: Request, error: HTTPException) -> JSONResponse:
        return _error(ApiError(error.status_code, "invalid_request", str(error.detail)))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        ready = bool(supervisor.probe)
        body = {"ready": ready, "problem": supervisor.problem, "probe": supervisor.probe}
        return JSONResponse(body, status_code=200 if ready else 503)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        model = {
            "id": settings.name,
            "object": "model",
            "owned_by": "safelight-steer",
            "safelight": supervisor.probe,
        }
        return {"object": "list", "data": [model]}

    @app.post("/v1/videos")
    async def create(request: Request) -> JSONResponse:
        fields = await _fields(request)
        try:
            wanted = read_request(fields, settings, categories)
            video = videos.add(wanted, key=request.headers.get("idempotency-key", "")[:256])
        except InvalidRequest as error:
            raise ApiError(400, error.code, str(error), param=error.param) from error
        except KeyReused:
            raise ApiError(
                409, "idempotency_key_reused", "The key came with another request before."
            ) from None
        except QueueFull:
            raise ApiError(429, "queue_full", "Too many requests wait for the device.") from None
        return JSONResponse(_shown(video, settings))

    @app.get("/v1/videos")
    async def listed(limit: int = 20, after: str = "", order: str = "desc") -> dict[str, Any]:
        rows = videos.newest_first()
        if order == "asc":
            rows.reverse()
        if after:
            places = [i for i, video in enumerate(rows) if video.id == after]
            rows = rows[places[0] + 1 :] if places else []
        count = min(max(limit, 1), _MAX_LISTED)
        page = [_shown(video, settings) for video in rows[:count]]
        return {"object": "list", "data": page, "has_more": len(rows) > count}

    @app.get("/v1/videos/{video_id}")
    async def read(video_id: str) -> JSONResponse:
        headers = {"openai-poll-after-ms": "1000"}
        return JSONResponse(_shown(_found(videos, video_id), settings), headers=headers)

    @app.get("/v1/videos/{video_id}/content")
    async def content(video_id: str) -> Response:
        video = _found(videos, video_id)
        if video.status != "completed":
            raise ApiError(404 if video.ended else 409, "not_ready", "The video has no content.")
        return FileResponse(video.path, media_type="video/mp4")

    @app.get("/v1/videos/{video_id}/preview")
    async def preview(video_id: str) -> Response:
        picture = videos.take_preview(_found(videos, video_id).id)
        if picture is None:
            raise ApiError(404, "not_found", "The video has no preview.")
        return Response(picture, media_type="image/png", headers={"cache-control": "no-store"})

    @app.delete("/v1/videos/{video_id}")
    async def delete(video_id: str) -> dict[str, Any]:
        video = videos.delete(video_id)
        if video is None:
            raise ApiError(404, "not_found", "There is no such video.")
        supervisor.cancel(video_id)
        return {"id": video_id, "object": "video.deleted", "deleted": True}

    return app


def _found(videos: Videos, video_id: str) -> Video:
    video = videos.get(video_id)
    if video is None:
        raise ApiError(404, "not_found", "There is no such video.")
    return video


def _error(error: ApiError) -> JSONResponse:
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    body = {"message": error.message, "type": kind, "param": error.param, "code": error.code}
    headers = {"retry-after": str(_RETRY_S)} if error.status == 429 else {}
    return JSONResponse({"error": body}, status_code=error.status, headers=headers)


def _shown(video: Video, settings: ServerSettings) -> dict[str, Any]:
    request = video.request
    ended = video.completed_at
    return {
        "id": video.id,
        "object": "video",
        "model": settings.name,
        "status": video.status,
        "progress": video.progress,
        "created_at": int(video.created_at),
        "completed_at": int(ended) if ended is not None and video.status == "completed" else None,
        "expires_at": int(ended) + settings.keep_s if ended is not None else None,
        "seconds": str(request.seconds),
        "size": f"{request.width}x{request.height}",
        "prompt": request.prompt,
        "error": video.error,
        "metadata": dict(request.metadata),
        "idempotency_key": video.key or None,
        "safelight": {
            # Whether `GET /v1/videos/ID/preview` has a blurred preview. It is given once.
            "generation": {**video.record, "preview": video.ended and video.preview_path.exists()}
            if video.record
            else None
        },
    }


async def _fields(request: Request) -> dict[str, Any]:
    """The fields of a JSON or form body. Raises `ApiError`."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind == "application/json":
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise ApiError(413, "too_large", f"A request has at most {MAX_BODY_BYTES} bytes.")
        try:
            decoded = json.loads(bytes(body))
        except (ValueError, RecursionError):
            decoded = None
        if not isinstance(decoded, dict):
            raise ApiError(400, "invalid_request", "The body is not a JSON object.")
        return decoded
    if kind not in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        raise ApiError(415, "unsupported_media_type", "Send JSON or a form.")
    fields: dict[str, Any] = {}
    async with request.form(max_files=1, max_fields=64, max_part_size=MAX_BODY_BYTES) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                raise ApiError(
                    400, "unsupported_field", "This server makes videos from text only.", param=name
                )
            outer, bracket, inner = name.partition("[")
            if bracket:
                fields.setdefault(outer, {})
                if isinstance(fields[outer], dict):
                    fields[outer][inner.removesuffix("]")] = value
            else:
                fields[name] = value
    return fields
