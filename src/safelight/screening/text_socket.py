"""Unix socket on which a gateway inspects texts for commands of the same user, so that they load no models.

The name of a socket has the identity of the gateway's text detectors: a gateway with others is not asked.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from safelight.detectors.text.pipeline import TextPipeline, TextReport
from safelight.policy.findings import Coverage, pack, pack_coverage, unpack, unpack_coverage

_PREFIX, _SUFFIX = "text-", ".sock"
_CONNECT_S = 0.5
#: Most seconds between two parts of a request. Only the owner of the folder can connect.
_REQUEST_S = 1.0
_MAX_REQUEST_BYTES = 4 << 20

_log = logging.getLogger(__name__)
#: Texts by field, and the negated fields.
_request_decoder = msgspec.msgpack.Decoder(tuple[dict[str, str], frozenset[str]])
#: Findings, those with too low a score to be recorded, and coverage.
_answer_decoder = msgspec.msgpack.Decoder(tuple[bytes, bytes, bytes])


def socket_path(folder: Path, identity: str) -> Path:
    """The socket for text detectors with this identity."""
    return folder / f"{_PREFIX}{identity}{_SUFFIX}"


class TextServer:
    """Answers commands in a thread, one after the other. The caller has locked the data directory."""

    def __init__(self, path: Path, pipeline: TextPipeline) -> None:
        self._path = path
        self._pipeline = pipeline

    def start(self) -> None:
        """Listen, in place of an earlier gateway. If that is impossible, the reason is logged."""
        # The keys of guards may be in the environment of one of the two processes only.
        if self._pipeline.has_remote:
            return
        listening = socket.socket(socket.AF_UNIX)
        try:
            for earlier in self._path.parent.glob(f"{_PREFIX}*{_SUFFIX}"):
                earlier.unlink()
            listening.bind(str(self._path))
            # Nobody can connect before `listen`.
            self._path.chmod(0o600)
            listening.listen()
        except OSError as error:
            listening.close()
            _log.warning("Commands cannot ask this gateway about texts, no socket %s: %s", self._path, error)
            return
        threading.Thread(target=self._serve, args=(listening,), name="text-socket", daemon=True).start()

    def close(self) -> None:
        """Remove the socket. A request that is being answered is abandoned with the process."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _serve(self, listening: socket.socket) -> None:
        with contextlib.closing(self):
            while True:
                link, _address = listening.accept()
                try:
                    with link:
                        self._answer(link)
                except Exception as error:
                    _log.warning("A command got no answer on the socket: %s.", type(error).__name__)

    def _answer(self, link: socket.socket) -> None:
        link.settimeout(_REQUEST_S)
        with link.makefile("rb") as request:
            texts, negated = _request_decoder.decode(request.read(_MAX_REQUEST_BYTES))
        report = self._pipeline.screen(texts, negated=negated)
        # A gap may be due to this process, for example to its load, so the command checks the text itself.
        if all(cell.complete for cell in report.cells):
            found, unrecorded = pack(report.findings), pack(report.unrecorded)
            cells = pack_coverage(Coverage(cells=report.cells))
            link.sendall(msgspec.msgpack.encode((found, unrecorded, cells)))


def ask(
    path: Path, texts: Mapping[str, str], negated: frozenset[str], *, timeout_s: float
) -> TextReport | None:
    """What the gateway found in the texts of a request; None if it is not there, or does not answer."""
    began = time.perf_counter()
    try:
        _require_own(path)
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(_CONNECT_S)
            link.connect(str(path))
            link.settimeout(timeout_s)
            link.sendall(msgspec.msgpack.encode((dict(texts), sorted(negated))))
            link.shutdown(socket.SHUT_WR)
            with link.makefile("rb") as answer:
                findings, unrecorded, cells = _answer_decoder.decode(answer.read())
        report = TextReport(
            findings=unpack(findings),
            unrecorded=unpack(unrecorded),
            cells=unpack_coverage(cells).cells,
            latency_ms=(time.perf_counter() - began) * 1000,
            detector_ms={},
        )
    # `ValueError`: an answer that is cut off, and a text that is not valid Unicode.
    except (OSError, ValueError) as error:
        _log.info(
            "No answer of a gateway with the same text detectors, so this command loads them: %s", error
        )
        return None
    _log.info("The running gateway inspected the text.")
    return report


def _require_own(path: Path) -> None:
    """Raise `PermissionError` if another user could have opened the socket, or may connect to it."""
    status = path.lstat()
    if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise PermissionError(f"{path} is not a socket of this user alone")
