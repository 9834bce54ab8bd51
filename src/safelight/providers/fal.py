"""fal's queue: models of many makers, each with arguments of its own.

A request that has failed is `COMPLETED` too; its result then is the error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal
from urllib.parse import quote

import httpx
import msgspec

from safelight.core.net.client import Timeouts, upstream_client
from safelight.providers.protocol import (
    Charge,
    ChargeStatus,
    GenerationRequest,
    GeneratorInfo,
    Progress,
    UpstreamState,
)

from .upstream.bodies import read_table
from .upstream.client import Answer
from .upstream.failures import failed, without_clip
from .upstream.hosted import HostedGenerator, HostedRequest, data_url
from .upstream.options import FIELD_TYPES, RemoteOptions, convert_options

FAL_URL = "https://queue.fal.run"
FAL_PLATFORM_URL = "https://api.fal.ai/v1"
#: fal deletes the finished file after this time. Long enough for the time that Safelight tries a download.
_KEPT_S = 7 * 24 * 3600
_MODEL = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)+")
_RUNNING = {"IN_QUEUE": UpstreamState.QUEUED, "IN_PROGRESS": UpstreamState.RUNNING}
#: Statuses of an answer that says nothing about the request itself.
_NOT_ABOUT_IT = frozenset({401, 403, 408, 425, 429})
#: The names of fal's own namespaces, which precede the owner of a model.
_NAMESPACES = frozenset({"workflows", "comfy"})


class Options(RemoteOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of fal. `models` are endpoints, such as `fal-ai/veo3.1`."""

    url: str = FAL_URL
    name: str = "fal"
    #: The argument for the length, and its form: 5, "5" or "5s"; empty: the model has one length.
    seconds_argument: str = "duration"
    seconds_form: Literal["number", "text", "text_with_unit"] = "text"
    #: How the size is sent: as `aspect_ratio` and `resolution`, or as `width` and `height`, or not at all.
    size_form: Literal["aspect_ratio", "pixels", "none"] = "aspect_ratio"
    #: The endpoint for requests with a picture, by model; and the argument for the picture.
    image_models: dict[str, str] = msgspec.field(default_factory=dict)
    image_argument: str = "image_url"
    #: Arguments of every request, which clients cannot change.
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)
    #: Further request fields that are passed on as arguments, with their types; and those that are texts.
    extra_fields: dict[str, Literal["int", "float", "bool", "str"]] = msgspec.field(default_factory=dict)
    text_fields: frozenset[str] = frozenset()
    #: The argument `enable_safety_checker`, for models that have one.
    enable_safety_checker: bool | None = None
    platform_url: str = FAL_PLATFORM_URL
    #: A key with the scope ADMIN, with which the copy at fal is deleted.
    admin_api_key: str = ""

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.models:
            yield "`models` must name at least one endpoint, such as fal-ai/veo3.1."
        for model in (*self.models, *self.image_models.values()):
            if not _MODEL.fullmatch(model):
                yield f"{model!r} is not an endpoint such as fal-ai/veo3.1."
        if missing := self.text_fields - self.extra_fields.keys():
            yield f"`text_fields` names {min(missing)}, which is not in `extra_fields`."


def create(options: dict[str, Any]) -> FalGenerator:
    """Creates a generator from its settings table. Raises `SettingsError`, which names the invalid option."""
    return FalGenerator(convert_options({"name": "fal", **options}, Options))


class FalGenerator(HostedGenerator):
    provider = "fal"

    def __init__(self, options: Options) -> None:
        super().__init__(options, headers={"authorization": f"Key {options.api_key}"})
        self._options = options

    def info(self) -> GeneratorInfo:
        options, checker = self._options, self._options.enable_safety_checker
        return replace(
            options.info(),
            extra_fields={name: FIELD_TYPES[kind] for name, kind in options.extra_fields.items()},
            text_fields=options.text_fields,
            field_settings="`extra_fields`",
            takes_reference=bool(options.image_argument),
            safety_settings={} if checker is None else {"enable_safety_checker": str(checker).lower()},
        )

    def build(self, request: GenerationRequest) -> HostedRequest:
        options = self._options
        arguments: dict[str, Any] = {"prompt": request.prompt, **request.extra}
        if options.seconds_argument:
            arguments[options.seconds_argument] = self._seconds(request.seconds)
        arguments |= self._size(request.width, request.height)
        if picture := self._picture(request):
            arguments[options.image_argument] = data_url(picture)
        if options.enable_safety_checker is not None:
            arguments["enable_safety_checker"] = options.enable_safety_checker
        kept = json.dumps({"expiration_duration_seconds": _KEPT_S})
        return HostedRequest(
            path=self._endpoint(request),
            document={**arguments, **options.arguments},
            headers={"x-fal-object-lifecycle-preference": kept},
        )

    def read_id(self, body: dict[str, Any], request: GenerationRequest) -> object:
        request_id = body.get("request_id")
        if not isinstance(request_id, str) or not request_id:
            return None
        return f"{_application(self._endpoint(request))}/requests/{quote(request_id, safe='')}"

    def ask(self, upstream_id: str) -> Answer:
        status, headers, body = self._server.get("GET", f"{upstream_id}/status")
        if (body or {}).get("status") != "COMPLETED":
            return status, headers, body
        return self._server.get("GET", upstream_id, is_answer=_is_result)

    def read(self, body: dict[str, Any], status: int, headers: httpx.Headers) -> Progress:
        if status < 400 and self.clip(body):
            charge = Charge(charged=ChargeStatus.YES, source="documented")
            return Progress(state=UpstreamState.DONE, percent=100, charge=charge)
        # The result of a model may have a field of this name too.
        word = body.get("status")
        if isinstance(word, str) and word != "COMPLETED" and "detail" not in body:
            # An unknown status counts as running, so that the deadline decides.
            return Progress(state=_RUNNING.get(word, UpstreamState.RUNNING))
        ended = failed(body, provider=self.provider, status=status, headers=headers, secrets=self._secrets)
        return ended if status >= 400 or "detail" in body else without_clip(ended)

    def clip(self, body: dict[str, Any]) -> str | bytes:
        link = read_table(body.get("video")).get("url")
        return link if isinstance(link, str) else ""

    def delete(self, upstream_id: str) -> bool:
        """Cancels the request. A finished one is deleted with its files, which needs a key of its own."""
        _status, _headers, body = self._server.get(
            "PUT", f"{upstream_id}/cancel", is_answer=lambda status, _body: status in {400, 404}
        )
        if (body or {}).get("status") == "CANCELLATION_REQUESTED" or not self._options.admin_api_key:
            return (body or {}).get("status") == "CANCELLATION_REQUESTED"
        with (
            self._server.reachable(),
            upstream_client(
                self._options.platform_url.rstrip("/") + "/",
                headers={"authorization": f"Key {self._options.admin_api_key}"},
                timeouts=Timeouts(read_s=self._options.poll_timeout_s),
                proxy=self._options.proxy or None,
            ) as client,
        ):
            request_id = upstream_id.rpartition("/")[2]
            return client.delete(f"models/requests/{request_id}/payloads").is_success

    def _endpoint(self, request: GenerationRequest) -> str:
        with_picture = self._options.image_models.get(request.model, request.model)
        return with_picture if request.references else request.model

    def _seconds(self, seconds: int) -> int | str:
        form = self._options.seconds_form
        return seconds if form == "number" else f"{seconds}s" if form == "text_with_unit" else str(seconds)

    def _size(self, width: int, height: int) -> dict[str, Any]:
        if not width or not height or self._options.size_form == "none":
            return {}
        if self._options.size_form == "pixels":
            return {"width": width, "height": height}
        ratio = "16:9" if width > height else "9:16" if width < height else "1:1"
        return {"aspect_ratio": ratio, "resolution": f"{min(width, height)}p"}


def _application(endpoint: str) -> str:
    """The part of an endpoint under which its requests are found."""
    parts = endpoint.split("/")
    return "/".join(parts[: 3 if parts[0] in _NAMESPACES else 2])


def _is_result(status: int, body: dict[str, Any] | None) -> bool:
    """Whether an error is the result of the model, and not of the connection or of our key."""
    return status not in _NOT_ABOUT_IT and body is not None and "detail" in body
