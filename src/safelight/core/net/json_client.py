"""Exchanges small JSON documents with a server that the operator configured, within short time limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Unpack
from urllib.parse import urlencode

import httpcore

from safelight.core.errors import ForbiddenUrl

from .guarded_client import GuardedClient, Guards, Headers

#: A key set of a large provider has 10 KB, a token with many groups 30 KB.
_MAX_BODY_BYTES = 256 * 1024
#: Seconds for the whole request: a person waits for it.
_TOTAL_S = 8.0
#: Seconds to connect, and seconds between two chunks of the response.
_IDLE_S = 5.0


class JsonExchangeFailed(Exception):
    """There was no JSON object: no connection, no answer in time, or another kind of body.

    Not in the error tree: callers catch it and raise their own error. `status` is 0 without an answer.
    """

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status

    @property
    def was_refused(self) -> bool:
        """Whether the server answered that the request is at fault."""
        return 400 <= self.status < 500


class JsonClient:
    """Sends GET requests, forms and JSON documents, and reads JSON objects. Follows no redirects.

    Hosts that are not in `allow_hosts` must be on the public internet: the server can name addresses in its
    answers. `total_s`: seconds for a whole request to a server that may be silent for most of them, such as a
    language model.
    """

    def __init__(self, *, total_s: float | None = None, **guards: Unpack[Guards]) -> None:
        self._total_s = total_s or _TOTAL_S
        self._client = GuardedClient(idle_s=total_s or _IDLE_S, **guards)

    def get(self, url: str) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object. Raises `JsonExchangeFailed`."""
        return self._exchange("GET", url, [], None)

    def post_form(
        self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object of the answer to a form. Raises `JsonExchangeFailed`."""
        return self._post(url, urlencode(fields).encode(), "application/x-www-form-urlencoded", headers)

    def post_json(
        self, url: str, document: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object of the answer to a JSON object. Raises `JsonExchangeFailed`."""
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        return self._post(url, body, "application/json", headers)

    def _post(
        self, url: str, body: bytes, media_type: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, Any]]:
        if not all(value.isascii() for value in headers.values()):
            # An error of the encoder would have the value, which can be a key.
            raise JsonExchangeFailed("A header has a character that is not ASCII.")
        sent = [
            (b"content-type", media_type.encode("ascii")),
            (b"content-length", str(len(body)).encode()),
            *((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()),
        ]
        return self._exchange("POST", url, sent, body)

    def _exchange(
        self, method: str, url: str, headers: Headers, body: bytes | None
    ) -> tuple[int, Mapping[str, Any]]:
        deadline = self._client.clock() + self._total_s
        status = 0
        sent = [(b"accept", b"application/json"), (b"accept-encoding", b"identity"), *headers]
        try:
            target = self._client.target(url)
            with self._client.stream(method, target, headers=sent, deadline=deadline, body=body) as answer:
                status, text = int(answer.status), bytearray()
                for chunk in answer.iter_stream():
                    text += chunk
                    if len(text) > _MAX_BODY_BYTES:
                        raise JsonExchangeFailed(f"The answer has more than {_MAX_BODY_BYTES} bytes.")
            document = json.loads(bytes(text))
        except ForbiddenUrl as error:
            raise JsonExchangeFailed(error.message) from error
        except httpcore.TimeoutException as error:
            raise JsonExchangeFailed("There was no answer in time.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise JsonExchangeFailed("The connection failed.") from error
        except (ValueError, RecursionError) as error:
            raise JsonExchangeFailed(f"The answer (status {status}) is not JSON.", status=status) from error
        if not isinstance(document, dict):
            raise JsonExchangeFailed(f"The answer (status {status}) is not a JSON object.", status=status)
        return status, document
