"""Downloads a finished video from an address that the upstream chose."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safelight.core.errors import ForbiddenUrl, InvalidMedia, UpstreamInvalidResponse, UpstreamUnavailable
from safelight.core.net.fetch import Fetcher, FetchLimits
from safelight.core.net.redaction import redact

from .bodies import retry_after
from .client import is_temporary
from .download import Download
from .options import RemoteOptions

_log = logging.getLogger(__name__)

#: Seconds between two chunks of a download. File servers of providers start slowly.
_IDLE_S = 30.0


def link_fetcher(options: RemoteOptions) -> Fetcher:
    """Downloads from the public internet, and from the hosts that the settings name."""
    return Fetcher(
        # The server itself may have its own files; we are connected to it already.
        allow_hosts=options.content_hosts | {options.host_and_port},
        limits=FetchLimits(total_s=options.fetch_timeout_s, idle_s=_IDLE_S),
    )


@dataclass(frozen=True, kw_only=True)
class LinkDownload:
    """The upstream chose the file server, so it gets no key and must not be in our own network."""

    #: Name of the upstream.
    name: str
    fetcher: Fetcher

    def fetch(self, link: str, download: Download) -> None:
        """Raises `UpstreamUnavailable` if the same or a new link may work later."""

        def receive(status: int, headers: Mapping[str, str], chunks: Iterable[bytes]) -> None:
            if is_temporary(status):
                raise UpstreamUnavailable(
                    f"The file server of {self.name} is not available now (status {status}).",
                    retry_after_s=retry_after(headers),
                )
            download.receive(status, headers, chunks)

        try:
            self.fetcher.stream(link, receive, headers=download.headers())
        except ForbiddenUrl as error:
            to = redact(link.split("?")[0], longest=120)
            _log.warning("%s has a finished video at %s: %s", self.name, to, error.message)
            raise UpstreamInvalidResponse(
                f"{self.name} has the finished video at an address that is not allowed: {error.message}",
                remedy="The operator can allow its host in `content_hosts`.",
            ) from error
        except InvalidMedia as error:
            # Each download asks for the address again, so the next one has a new link.
            raise UpstreamUnavailable(
                f"The finished video is not at the address that {self.name} gave. {error.message}"
            ) from error
