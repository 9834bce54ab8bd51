"""Responses with a delivered file: the whole file, a range, or only the headers."""

from __future__ import annotations

from starlette.concurrency import iterate_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.videos.models import Content
from safelight.web.errors import http_problem
from safelight.web.responses import etag_matches

from .ranges import UnsatisfiableRange, parse_range

_EXTENSIONS = {"video/mp4": "mp4", "image/webp": "webp", "image/jpeg": "jpg", "image/png": "png"}


def content_response(request: Request, content: Content, name: str) -> Response:
    """The response for a file request: 200, 206, 304 or 416.

    The ETag is the file's sha256. Shared caches must not store the file.
    """
    etag = f'"{content.sha256}"'
    extension = _EXTENSIONS.get(content.media_type, "bin")
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        # `no-cache`: the client must revalidate its copy at each use, so that a withdrawal takes effect.
        "cache-control": "private, no-cache",
        "content-disposition": f'inline; filename="{name}.{extension}"',
        "vary": "Authorization, Cookie",
    }
    if etag_matches(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range")
    if request.headers.get("if-range", etag) != etag:
        asked = None
    try:
        found = parse_range(asked, content.size)
    except UnsatisfiableRange:
        return http_problem(416, "", request, {"content-range": f"bytes */{content.size}"})
    start, end = found or (0, content.size)
    if found:
        headers["content-range"] = f"bytes {start}-{end - 1}/{content.size}"
    headers["content-length"] = str(end - start)
    status = 206 if found else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=content.media_type)
    return StreamingResponse(
        iterate_in_threadpool(content.chunks(start, end)),
        status_code=status,
        headers=headers,
        media_type=content.media_type,
    )
