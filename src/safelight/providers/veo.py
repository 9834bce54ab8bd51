"""Google's Veo, through the Gemini API or through Vertex AI.

A job whose video was filtered ends as done, without an error and without a video. Here that is a refusal.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from safelight.core.errors import UpstreamInvalidResponse
from safelight.providers.protocol import (
    Charge,
    ChargeStatus,
    GenerationRequest,
    GeneratorInfo,
    Progress,
    UpstreamState,
)

from .google_token import GoogleToken
from .upstream.bodies import read_table, states_something
from .upstream.client import Answer
from .upstream.download import Download
from .upstream.failures import failed, without_clip
from .upstream.hosted import HostedGenerator, HostedRequest, encode_file
from .upstream.options import RemoteOptions, convert_options

GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta"
#: Vertex sends the finished video inside the answer: 8 s in 4K have 60 MB, and base64 adds a third.
_MAX_INLINE_BYTES = 128 * 1024 * 1024
_RATIOS = {(16, 9): "16:9", (9, 16): "9:16"}
_RESOLUTIONS = {720: "720p", 1080: "1080p", 2160: "4k"}
#: The name of an operation becomes part of an address.
_OPERATION = re.compile(r"(?:[\w~-][\w.~-]*/)+operations/[\w~-][\w.~-]*")
#: Fields of a request, with the provider's names.
_PARAMETERS = {"seed": "seed", "negative_prompt": "negativePrompt", "generate_audio": "generateAudio"}


class Options(RemoteOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of Veo. `url` of the form `vertex`: the API's address up to `locations/REGION`."""

    url: str = GEMINI_URL
    name: str = "veo"
    form: Literal["gemini", "vertex"] = "gemini"
    #: Key file of a service account, for the form `vertex`.
    credentials_file: str = ""
    models: tuple[str, ...] = ("veo-3.1-generate-preview",)
    seconds: tuple[int, ...] = (4, 6, 8)
    sizes: tuple[str, ...] = ("1280x720", "720x1280", "1920x1080", "1080x1920")
    #: Which people Veo may show. Not given: `allow_adult` on Vertex, and the default of the Gemini API.
    person_generation: Literal["dont_allow", "allow_adult", "allow_all"] | None = None

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if self.form == "vertex" and not self.credentials_file:
            yield "the form `vertex` needs `credentials_file`."
        if self.form == "vertex" and "/locations/" not in self.url:
            yield "`url` must be https://REGION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/REGION."
        for width, height in self.read_sizes():
            if _ratio(width, height) is None or min(width, height) not in _RESOLUTIONS:
                yield f"`sizes` has {width}x{height}; Veo has 16:9 and 9:16 in 720p, 1080p and 4K."


def create(options: dict[str, Any]) -> VeoGenerator:
    """Creates a generator from its settings table. Raises `SettingsError`, which names the invalid option."""
    return VeoGenerator(convert_options({"name": "veo", **options}, Options))


class VeoGenerator(HostedGenerator):
    provider = "veo"

    def __init__(self, options: Options) -> None:
        key = {"x-goog-api-key": options.api_key} if options.form == "gemini" else {}
        super().__init__(options, headers={"accept": "application/json", **key})
        self._options = options
        vertex = options.form == "vertex"
        self._token = GoogleToken(Path(options.credentials_file)) if vertex else None

    def info(self) -> GeneratorInfo:
        options = self._options
        extra: dict[str, type] = {"seed": int, "negative_prompt": str}
        if self._token is not None:
            extra["generate_audio"] = bool
        people = self._person_generation()
        return replace(
            options.info(),
            extra_fields=extra,
            text_fields=frozenset({"negative_prompt"}),
            safety_settings={"personGeneration": people} if people else {},
        )

    def build(self, request: GenerationRequest) -> HostedRequest:
        instance: dict[str, Any] = {"prompt": request.prompt}
        if picture := self._picture(request):
            # The documentation of the Gemini API shows `inlineData`, which its server rejects.
            instance["image"] = {
                "bytesBase64Encoded": encode_file(picture),
                "mimeType": picture.media_type,
            }
        parameters: dict[str, Any] = {"durationSeconds": request.seconds, "sampleCount": 1}
        if ratio := _ratio(request.width, request.height):
            parameters["aspectRatio"] = ratio
            parameters["resolution"] = _RESOLUTIONS[min(request.width, request.height)]
        if people := self._person_generation(minors_allowed=request.minors_allowed):
            parameters["personGeneration"] = people
        parameters |= {_PARAMETERS[name]: value for name, value in request.extra.items()}
        return HostedRequest(
            path=f"{self._model_path(request.model)}:predictLongRunning",
            document={"instances": [instance], "parameters": parameters},
            headers=self._authorization(),
        )

    def read_id(self, body: dict[str, Any], request: GenerationRequest) -> object:
        name = body.get("name")
        return name if isinstance(name, str) and _OPERATION.fullmatch(name) else None

    def ask(self, upstream_id: str) -> Answer:
        if self._token is None:
            return self._server.get("GET", upstream_id)
        return self._server.get(
            "POST",
            f"{self._model_path(_model_of(upstream_id))}:fetchPredictOperation",
            document={"operationName": upstream_id},
            headers=self._authorization(),
            max_bytes=_MAX_INLINE_BYTES,
        )

    def read(self, body: dict[str, Any], status: int, headers: httpx.Headers) -> Progress:
        if states_something(body.get("error")):
            return failed(body, provider=self.provider, headers=headers, secrets=self._secrets)
        if body.get("done") is not True:
            return Progress(state=UpstreamState.RUNNING)
        if _video(body):
            return Progress(
                state=UpstreamState.DONE,
                percent=100,
                charge=Charge(charged=ChargeStatus.YES, source="documented"),
            )
        return without_clip(failed(body, provider=self.provider, headers=headers, secrets=self._secrets))

    def clip(self, body: dict[str, Any]) -> str | bytes:
        video = _video(body)
        for name in ("bytesBase64Encoded", "encodedVideo"):
            if isinstance(video.get(name), str):
                try:
                    return base64.b64decode(video[name], validate=True)
                except ValueError as error:
                    raise UpstreamInvalidResponse(
                        f"{self.name} returned a video that is not valid base64."
                    ) from error
        if isinstance(video.get("gcsUri"), str):
            raise UpstreamInvalidResponse(
                f"{self.name} stored the video in a bucket, although it was asked to return it."
            )
        uri = video.get("uri")
        return uri if isinstance(uri, str) else ""

    def download(self, link: str, download: Download) -> None:
        """The Files API wants the key. It is sent to the configured server only, not where that redirects."""
        path = self._own_path(link)
        if not path:
            super().download(link, download)
            return
        if elsewhere := self._server.download(path, download):
            super().download(elsewhere, download)

    def check_access(self) -> str:
        if self._token is not None:
            self._token.read()
            return "Google gives a token for its service account."
        _status, _headers, body = self._server.get("GET", "models", params={"pageSize": "1000"})
        rows = (body or {}).get("models")
        names = {str(read_table(row).get("name")) for row in rows} if isinstance(rows, list) else set()
        missing = [model for model in self._options.models if f"models/{model}" not in names]
        return "It accepts the key. " + (
            f"It does not list {', '.join(missing)}." if missing else "It lists the models of the settings."
        )

    def delete(self, upstream_id: str) -> bool:
        """Deletes the file at the Gemini API. Vertex stores none; a running job cannot be cancelled."""
        if self._token is not None:
            return False
        _status, _headers, body = self.ask(upstream_id)
        path = self._own_path(str(_video(body or {}).get("uri", ""))).partition(":download")[0]
        if not path:
            return False
        status, _headers, _body = self._server.get("DELETE", path, is_answer=lambda _status, _body: True)
        return status in {200, 204}

    @property
    def _secrets(self) -> tuple[str, ...]:
        token = self._token.last if self._token is not None else ""
        return (token, *super()._secrets) if token else super()._secrets

    def _person_generation(self, *, minors_allowed: bool = True) -> str:
        """The setting of the operator, which a policy can only make stricter: models differ in the values
        that they accept, so nothing is sent where the operator set nothing.
        """
        people = self._options.person_generation or ("allow_adult" if self._options.form == "vertex" else "")
        return "allow_adult" if people == "allow_all" and not minors_allowed else people

    def _model_path(self, model: str) -> str:
        return f"publishers/google/models/{model}" if self._token is not None else f"models/{model}"

    def _authorization(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self._token.read()}"} if self._token is not None else {}

    def _own_path(self, link: str) -> str:
        """The path below the base URL of a file on the configured server; empty for another server."""
        base = self._options.url.rstrip("/") + "/"
        path = link.removeprefix(base) if link.startswith(base) else ""
        return path if urlsplit(path).path.startswith("files/") and ".." not in path else ""


def _ratio(width: int, height: int) -> str | None:
    return next((name for (w, h), name in _RATIOS.items() if width and width * h == height * w), None)


def _model_of(operation: str) -> str:
    return operation.partition("/models/")[2].partition("/")[0]


def _video(body: dict[str, Any]) -> dict[str, Any]:
    """The first video in a finished operation of either form; empty if there is none."""
    response = read_table(body.get("response"))
    samples = read_table(response.get("generateVideoResponse")).get("generatedSamples")
    found = samples if isinstance(samples, list) else response.get("videos")
    first = read_table(found[0]) if isinstance(found, list) and found else {}
    return read_table(first.get("video")) or first
