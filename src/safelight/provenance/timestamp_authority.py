"""A timestamp authority (RFC 3161): another party that confirms when a signature existed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpcore
import rfc3161_client
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, TimeStampResponse, VerifierBuilder

from safelight.core.errors import ConfigurationError, ForbiddenUrl
from safelight.core.net.guarded_client import GuardedClient

#: Seconds for one answer. A video waits for it, so it is short; a missing timestamp is added later.
_TOTAL_S, _IDLE_S = 10.0, 5.0
#: Answers of public authorities have 3 to 7 kB.
_MAX_ANSWER_BYTES = 64 << 10


class TimestampMissing(Exception):
    """The authority gave no usable timestamp. The file can be sealed without one.

    Not in the error tree: its callers seal without a timestamp.
    """


@dataclass(frozen=True, kw_only=True)
class Timestamp:
    """A verified answer of the authority."""

    #: The signed token (CMS, DER), as it is put into the manifest.
    token: bytes
    #: The time that the authority confirms.
    at: dt.datetime


class TimestampAuthority:
    """Asks one authority. Only the hash of a signature is sent to it, never content."""

    def __init__(self, url: str, roots: Sequence[x509.Certificate]) -> None:
        self.url = url
        self._roots = list(roots)
        host = httpcore.URL(url)
        self.host = host.host.decode("ascii", "replace")
        # The operator configured this host, so it may be in a private network.
        allowed = (f"{self.host}:{host.port}" if host.port else self.host,)
        self._client = GuardedClient(allow_hosts=allowed, idle_s=_IDLE_S)

    @classmethod
    def load(cls, url: str, anchors: Path) -> TimestampAuthority:
        """Raises `ConfigurationError` if the file has no certificates."""
        try:
            return cls(url, x509.load_pem_x509_certificates(anchors.read_bytes()))
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"sealing.timestamp_anchors: {anchors} has no readable certificates.",
                remedy="Give the root certificates of the timestamp authority in PEM.",
            ) from error

    @property
    def anchors_pem(self) -> str:
        return "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in self._roots)

    def confirm(self, message: bytes) -> Timestamp:
        """A timestamp of `message`, verified with the roots. Raises `TimestampMissing`."""
        request = (
            TimestampRequestBuilder()
            .data(message)
            .hash_algorithm(HashAlgorithm.SHA256)
            .nonce(nonce=True)
            .cert_request(cert_request=True)
            .build()
        )
        answer = self._post(request.as_bytes())
        try:
            response = rfc3161_client.decode_timestamp_response(answer)
            builder = VerifierBuilder.from_request(request)
            for root in self._roots:
                builder = builder.add_root_certificate(root)
            builder.build().verify_message(response, message)
        except (ValueError, rfc3161_client.VerificationError) as error:
            raise TimestampMissing(
                f"The answer of the timestamp authority {self.host} is not valid: {error}."
            ) from error
        return Timestamp(token=_token(response), at=response.tst_info.gen_time)

    def _post(self, body: bytes) -> bytes:
        deadline = self._client.clock() + _TOTAL_S
        headers = (
            (b"content-type", b"application/timestamp-query"),
            (b"content-length", str(len(body)).encode()),
        )
        try:
            target = self._client.target(self.url)
            with self._client.stream("POST", target, headers=headers, deadline=deadline, body=body) as answer:
                if answer.status != 200:
                    raise TimestampMissing(
                        f"The timestamp authority {self.host} answered with status {answer.status}."
                    )
                received = b""
                for chunk in answer.iter_stream():
                    received += chunk
                    if len(received) > _MAX_ANSWER_BYTES:
                        raise TimestampMissing(f"The answer of {self.host} is too long.")
                return received
        except (
            ForbiddenUrl,
            OSError,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
        ) as error:
            reason = str(error) or type(error).__name__
            raise TimestampMissing(
                f"The timestamp authority {self.host} did not answer: {reason}."
            ) from error


def _token(response: TimeStampResponse) -> bytes:
    token: bytes = response.time_stamp_token()
    return token
