"""A remote generator at a provider with an API of its own: JSON requests, jobs that are polled, links."""

from __future__ import annotations

import base64
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import httpx

from safelight.core.errors import (
    StorageFull,
    SubmissionUnconfirmed,
    UpstreamInvalidResponse,
    UpstreamRejected,
)
from safelight.providers.protocol import (
    Billing,
    GenerationRequest,
    GeneratorInfo,
    Progress,
    ReferenceFile,
    UpstreamState,
)

from .client import Answer, UpstreamClient, poll
from .download import Download
from .link import LinkDownload, link_fetcher
from .options import RemoteOptions
from .submission import Submission


@dataclass(frozen=True, kw_only=True)
class HostedRequest:
    """A generation request in the format of a provider. `path` is below the base URL."""

    path: str
    document: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


class HostedGenerator(ABC):
    """What the adapters of paid providers have in common.

    A request is submitted at most once. The address of a finished video is asked for again at each download,
    because it expires.
    """

    billing = Billing.PAID
    #: Name of the provider in the rules of provider errors.
    provider: ClassVar[str]

    def __init__(
        self,
        options: RemoteOptions,
        *,
        headers: Mapping[str, str],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sleep = sleep
        self.name = options.name
        self._limits = options
        self._server = UpstreamClient(options, headers=headers)
        self._link = LinkDownload(name=options.name, fetcher=link_fetcher(options))

    def close(self) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        return self._limits.url

    @property
    def _secrets(self) -> tuple[str, ...]:
        """What is masked in answers."""
        return self._limits.secrets

    @abstractmethod
    def info(self) -> GeneratorInfo: ...

    @abstractmethod
    def build(self, request: GenerationRequest) -> HostedRequest:
        """The request in the provider's format. Raises `UpstreamRejected` if it cannot be expressed."""

    @abstractmethod
    def read_id(self, body: dict[str, Any], request: GenerationRequest) -> object:
        """The upstream's id in the answer to a submission."""

    @abstractmethod
    def ask(self, upstream_id: str) -> Answer:
        """The provider's answer about a request; status 404 if it does not know the request."""

    @abstractmethod
    def read(self, body: dict[str, Any], status: int, headers: httpx.Headers) -> Progress:
        """The status of a request that an answer reports."""

    @abstractmethod
    def clip(self, body: dict[str, Any]) -> str | bytes:
        """The address of the finished video in an answer, or its bytes; empty if it has none."""

    def delete(self, upstream_id: str) -> bool:
        """Deletes the provider's copy, or cancels the request. Returns False if the provider cannot."""
        return False

    def check_access(self) -> str:
        """What requests that cost nothing show about the key, as sentences; empty if the provider documents
        none. Raises `UpstreamError` if it does not answer or does not accept the key.
        """
        return ""

    def submit(self, request: GenerationRequest) -> str:
        built = self._build(request)
        within_s = min(self._limits.submit_timeout_s, request.time_left_s or math.inf)
        client = self._server.submitting
        submission = Submission(
            name=self.name, billing=self.billing, secrets=self._secrets, provider=self.provider
        )
        return submission.send(
            client,
            client.build_request("POST", built.path, json=built.document, headers=dict(built.headers)),
            within_s=within_s,
            read_id=lambda body: self.read_id(body, request),
        )

    def find(self, key: str) -> str | None:
        """No provider of this kind finds a request by a key of ours, so a lost answer stays unknown."""
        raise SubmissionUnconfirmed(f"{self.name} cannot tell whether it accepted the request.")

    def progress(self, upstream_id: str) -> Progress:
        status, headers, body = poll(lambda: self.ask(upstream_id), self.name, self._sleep)
        if status == 404:
            return Progress(
                state=UpstreamState.FAILED, problem="it no longer knows this request", charge=None
            )
        return self.read(body, status, headers)

    def fetch(self, upstream_id: str, into: Path, *, max_bytes: int) -> None:
        _status, _headers, body = self.ask(upstream_id)
        found = self.clip(body or {})
        if not found:
            raise UpstreamInvalidResponse(f"{self.name} no longer has the finished video.")
        download = Download(into=into, max_bytes=max_bytes, within_s=self._limits.fetch_timeout_s)
        try:
            if isinstance(found, bytes):
                download.receive(200, {"content-length": str(len(found))}, [found])
            else:
                self.download(found, download)
        except OSError as error:
            raise StorageFull("The finished video cannot be stored on this disk now.") from error

    def download(self, link: str, download: Download) -> None:
        """Downloads without a key: the provider chose the address."""
        self._link.fetch(link, download)

    def _build(self, request: GenerationRequest) -> HostedRequest:
        info = self.info()
        if request.source_clip is not None:
            raise UpstreamRejected(f"{self.name} cannot {request.source_clip.derivation} a video.")
        if unknown := request.extra.keys() - info.extra_fields.keys():
            raise UpstreamRejected(f"The field {min(unknown)!r} is not on the allow-list of {self.name}.")
        try:
            return self.build(request)
        except OSError as error:
            raise UpstreamRejected("A reference file of the request can no longer be read.") from error

    def _picture(self, request: GenerationRequest) -> ReferenceFile | None:
        """The picture to start from. Raises `UpstreamRejected` for any other reference."""
        for reference in request.references:
            if reference.field != "input_reference" or not reference.media_type.startswith("image/"):
                raise UpstreamRejected(
                    f"{self.name} accepts one picture in input_reference, not {reference.field} "
                    f"with {reference.media_type}."
                )
        if len(request.references) > 1:
            raise UpstreamRejected(f"{self.name} accepts one picture in input_reference.")
        return request.references[0] if request.references else None


def encode_file(reference: ReferenceFile) -> str:
    """The bytes that were screened, as base64. A provider gets no address that it would fetch itself."""
    return base64.b64encode(reference.path.read_bytes()).decode()


def data_url(reference: ReferenceFile) -> str:
    return f"data:{reference.media_type};base64,{encode_file(reference)}"
