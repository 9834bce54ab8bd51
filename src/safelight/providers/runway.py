"""Runway's API: tasks that are polled, with the cost in credits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Annotated, Any, Literal
from urllib.parse import quote

import httpx
import msgspec

from safelight.providers.protocol import (
    Charge,
    ChargeStatus,
    GenerationRequest,
    GeneratorInfo,
    Progress,
    UpstreamState,
)

from .upstream.bodies import read_amount, read_number, read_table
from .upstream.client import Answer
from .upstream.failures import failed, without_clip
from .upstream.hosted import HostedGenerator, HostedRequest, data_url
from .upstream.options import RemoteOptions, convert_options

RUNWAY_URL = "https://api.dev.runwayml.com/v1"
#: The version of the API that this adapter speaks.
_VERSION = "2024-11-06"
#: Links end after 24 to 48 hours; a task that is asked again has new ones.
_LINK_S = 24 * 3600.0
_RUNNING = {
    "PENDING": UpstreamState.QUEUED,
    "THROTTLED": UpstreamState.QUEUED,
    "RUNNING": UpstreamState.RUNNING,
}


class Options(RemoteOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of Runway."""

    url: str = RUNWAY_URL
    name: str = "runway"
    models: tuple[str, ...] = ("gen4.5",)
    seconds: tuple[int, ...] = (5, 8, 10)
    sizes: tuple[str, ...] = ("1280x720", "720x1280")
    #: US dollars per credit, for the charge on the record; without it, only whether Runway charged.
    usd_per_credit: Annotated[float, msgspec.Meta(gt=0)] | None = None
    #: How strictly Runway refuses recognizable public figures. Not given: Runway's default, the stricter one.
    public_figure_threshold: Literal["auto", "low"] | None = None

    def problems(self) -> Iterator[str]:
        yield from super().problems()
        if not self.sizes:
            yield "`sizes` must name the ratios of the models, such as 1280x720."


def create(options: dict[str, Any]) -> RunwayGenerator:
    """Creates a generator from its settings table. Raises `SettingsError`, which names the invalid option."""
    return RunwayGenerator(convert_options({"name": "runway", **options}, Options))


class RunwayGenerator(HostedGenerator):
    provider = "runway"

    def __init__(self, options: Options, *, clock: Callable[[], float] = time.time) -> None:
        headers = {"authorization": f"Bearer {options.api_key}", "x-runway-version": _VERSION}
        super().__init__(options, headers=headers)
        self._options = options
        self._clock = clock

    def info(self) -> GeneratorInfo:
        options = self._options
        threshold = options.public_figure_threshold or "auto"
        return replace(
            options.info(),
            extra_fields={"seed": int},
            safety_settings={"publicFigureThreshold": threshold},
        )

    def build(self, request: GenerationRequest) -> HostedRequest:
        document: dict[str, Any] = {
            "model": request.model,
            "promptText": request.prompt,
            "ratio": f"{request.width}:{request.height}",
            "duration": request.seconds,
            **request.extra,
        }
        if self._options.public_figure_threshold:
            document["contentModeration"] = {"publicFigureThreshold": self._options.public_figure_threshold}
        if picture := self._picture(request):
            document["promptImage"] = data_url(picture)
        return HostedRequest(path="image_to_video" if picture else "text_to_video", document=document)

    def read_id(self, body: dict[str, Any], request: GenerationRequest) -> object:
        return body.get("id")

    def ask(self, upstream_id: str) -> Answer:
        return self._server.get("GET", f"tasks/{quote(upstream_id, safe='')}")

    def read(self, body: dict[str, Any], status: int, headers: httpx.Headers) -> Progress:
        word = str(body.get("status"))
        charge = self._charge(body)
        if word == "SUCCEEDED" and self.clip(body):
            return Progress(
                state=UpstreamState.DONE, percent=100, charge=charge, expires_at=self._clock() + _LINK_S
            )
        if word == "CANCELLED":
            return Progress(
                state=UpstreamState.FAILED, problem="it reports that the request was cancelled", charge=charge
            )
        if word in {"FAILED", "SUCCEEDED"}:
            ended = failed(body, provider=self.provider, charge=charge, secrets=self._secrets)
            return without_clip(ended) if word == "SUCCEEDED" else ended
        part = read_number(body.get("progress"))
        return Progress(
            # An unknown status counts as running, so that the deadline decides.
            state=_RUNNING.get(word, UpstreamState.RUNNING),
            percent=None if part is None else round(100 * min(max(part, 0.0), 1.0)),
        )

    def clip(self, body: dict[str, Any]) -> str | bytes:
        output = body.get("output")
        first = output[0] if isinstance(output, list) and output else ""
        return first if isinstance(first, str) else ""

    def delete(self, upstream_id: str) -> bool:
        """Cancels a running task, or deletes a finished one with its output."""
        status, _headers, _body = self._server.get("DELETE", f"tasks/{quote(upstream_id, safe='')}")
        return status in {200, 204, 404}

    def check_access(self) -> str:
        _status, _headers, body = self._server.get("GET", "organization")
        balance = read_amount((body or {}).get("creditBalance"))
        left = "" if balance is None else f" {balance:g} credits are left."
        return f"It accepts the key.{left}"

    def _charge(self, body: dict[str, Any]) -> Charge | None:
        """The final cost, which is 0 for a task that was refunded; None if the task does not state it."""
        cost = read_amount(read_table(body.get("cost")).get("credits"))
        if cost is None:
            return None
        if cost == 0:
            return Charge(charged=ChargeStatus.NO, amount=0.0, source="upstream")
        price = self._options.usd_per_credit
        return Charge(
            charged=ChargeStatus.YES,
            amount=None if price is None else round(cost * price, 6),
            source="upstream",
        )
