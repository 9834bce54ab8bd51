"""A scripted transcription server with OpenAI's wire format."""

from __future__ import annotations

import io
import json
import threading
import wave
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class FailureMode(StrEnum):
    """How the server answers a request."""

    WELL = "well"
    #: Closes the connection without a response.
    SILENT = "silent"
    #: A response that is not a transcript.
    GARBLED = "garbled"
    #: A transcript with times beyond the end of the file.
    WRONG_TIMES = "wrong_times"
    #: No response until the server is closed.
    LATE = "late"
    #: Status 500.
    FAILING = "failing"
    #: A transcript without words.
    EMPTY = "empty"


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """One recorded request: form fields, and properties of the audio file."""

    fields: dict[str, list[str]]
    authorization: str
    seconds: float
    rate: int
    bytes: int


#: Returns the transcript of a WAV file as (word, start, end), with times in seconds from the start of the
#: file.
Listens = Callable[[bytes], Iterable[tuple[str, float, float]]]


class ScriptedTranscriber:
    """Context manager: `with ScriptedTranscriber(lambda wav: [("hello", 0.2, 0.6)]) as server: ...`

    `server.url` ends with `/v1`. `manner` may be changed at any time; `asked` lists the recorded requests. A
    segment of the transcript ends after each full stop, exclamation mark or question mark.
    """

    def __init__(self, listens: Listens, *, manner: FailureMode = FailureMode.WELL) -> None:
        self.manner = manner
        self.asked: list[RecordedRequest] = []
        self._listens = listens
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Base URL for clients, with `/v1`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ScriptedTranscriber:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.path != "/v1/audio/transcriptions":
                    self._send(404, {"error": {"message": "no such route"}})
                    return
                asked, data = _parsed(self.headers.get("content-type", ""), body)
                owner.asked.append(
                    RecordedRequest(
                        **asked, authorization=self.headers.get("authorization", ""), bytes=len(data)
                    )
                )
                owner._answer(self._send, data)

            def _send(self, status: int, answer: object) -> None:
                said = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_said: object) -> None:
                return

        return Handler

    def _answer(self, send: Callable[[int, object], None], data: bytes) -> None:
        match self.manner:
            case FailureMode.SILENT:
                return
            case FailureMode.LATE:
                self._closing.wait()
            case FailureMode.FAILING:
                send(500, {"error": {"message": "out of order", "type": "server_error"}})
            case FailureMode.GARBLED:
                send(200, b'{"text": "half an ans')
            case FailureMode.WRONG_TIMES:
                send(200, verbose_json([("word", 90_000.0, 90_001.0)], seconds=1.0))
            case FailureMode.EMPTY:
                send(200, verbose_json([], seconds=_wav(data)[0]))
            case FailureMode.WELL:
                send(200, verbose_json(self._listens(data), seconds=_wav(data)[0]))


def verbose_json(words: Iterable[tuple[str, float, float]], *, seconds: float) -> dict[str, Any]:
    """A response in the form of OpenAI's `whisper-1` with `response_format=verbose_json`."""
    said = list(words)
    segments: list[list[tuple[str, float, float]]] = [[]]
    for word in said:
        segments[-1].append(word)
        if word[0].rstrip().endswith((".", "!", "?", "。", "！", "？")):
            segments.append([])
    return {
        "task": "transcribe",
        "language": "english",
        "duration": seconds,
        "text": _joined(said),
        "words": [
            {"word": text.rstrip(".!?,。！？，"), "start": start, "end": end} for text, start, end in said
        ],
        "segments": [
            {
                "id": index,
                "seek": 0,
                "start": part[0][1],
                "end": part[-1][2],
                "text": " " + _joined(part),
                "tokens": [],
                "temperature": 0.0,
                "avg_logprob": -0.2,
                "compression_ratio": 1.0,
                "no_speech_prob": 0.01,
            }
            for index, part in enumerate(one for one in segments if one)
        ],
    }


def _joined(words: Iterable[tuple[str, float, float]]) -> str:
    text = ""
    for word, _start, _end in words:
        gap = "" if not text or text[-1] >= "\u2e80" or word[:1] >= "\u2e80" else " "
        text += gap + word
    return text


def _parsed(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    message = BytesParser(policy=HTTP).parsebytes(
        b"content-type: " + content_type.encode() + b"\r\n\r\n" + body
    )
    fields: dict[str, list[str]] = {}
    data = b""
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        content = content if isinstance(content, bytes) else b""
        if name == "file":
            data = content
        else:
            fields.setdefault(name, []).append(content.decode())
    seconds, rate = _wav(data)
    return {"fields": fields, "seconds": seconds, "rate": rate}, data


def _wav(data: bytes) -> tuple[float, int]:
    with wave.open(io.BytesIO(data), "rb") as file:
        return file.getnframes() / file.getframerate(), file.getframerate()
