"""Transcribes in the scan child: Whisper weights of the operator's own, through faster-whisper."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.protocol import AudioChunk, DetectorPlugin, MediaText, RunLocation, SpokenWord

from .transcripts import WORDS, checked

NAME, VERSION = "whisper", "1"
#: What a folder of weights must hold; without its own tokenizer the library would ask a hub for one.
FILES = ("model.bin", "config.json", "tokenizer.json")
_NO_MODEL = (
    'No Whisper weights are configured: [detectors.whisper] with model = "/folder/of/converted/weights" '
    "(CTranslate2 format). Speech is not transcribed here, so that the words in it are not checked."
)


class WhisperReader:
    """A `SpeechReader`. The weights are loaded with the first speech, in the child that hears it."""

    name = NAME
    capabilities = WORDS
    rate = 16_000

    def __init__(
        self, folder: Path, *, language: str = "", compute: str = "default", threads: int = 1, beam: int = 1
    ) -> None:
        self.version = f"{VERSION}+{folder.name}"
        self._folder = folder
        self._language, self._compute = language, compute
        self._threads, self._beam = threads, beam
        self._model: Any = None

    def read_speech(self, sound: AudioChunk) -> Iterable[MediaText]:
        """The lines of a stretch. Raises `Untranscribed` where the model's times cannot be true."""
        segments, _info = self._loaded().transcribe(
            np.ascontiguousarray(sound.samples),
            language=self._language or None,
            beam_size=self._beam,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        seconds = sound.samples.size / sound.rate
        return checked((_line(segment, seconds) for segment in segments), seconds)

    def _loaded(self) -> Any:
        # Not before: the library starts threads, and a process with threads must not fork.
        if self._model is None:
            from faster_whisper import WhisperModel

            self._model = WhisperModel(
                str(self._folder),
                device="cpu",
                compute_type=self._compute,
                cpu_threads=self._threads,
                local_files_only=True,
            )
        return self._model


def _line(segment: Any, seconds: float) -> MediaText:
    # A window of Whisper is 30 s: times beyond the end of a shorter sound mean its end.
    def at(moment: float) -> float:
        return min(max(float(moment), 0.0), seconds)

    return MediaText(
        text=str(segment.text).strip(),
        confidence=min(math.exp(min(float(segment.avg_logprob), 0.0)), 1.0),
        start_s=at(segment.start),
        end_s=max(at(segment.end), at(segment.start)),
        words=tuple(
            SpokenWord(
                text=str(word.word).strip(), start_s=at(word.start), end_s=max(at(word.end), at(word.start))
            )
            for word in segment.words or ()
        ),
    )


def _missing(options: dict[str, Any]) -> str | None:
    folder = options.get("model")
    if not folder:
        return _NO_MODEL
    if lacking := [name for name in FILES if not Path(str(folder), name).is_file()]:
        return f"The folder of Whisper weights {folder} has no {', '.join(lacking)}."
    if importlib.util.find_spec("faster_whisper") is None:
        return "faster-whisper is not installed: pip install 'safelight[transcription]'."
    return None


def _load(options: dict[str, Any]) -> WhisperReader:
    return WhisperReader(
        Path(str(options["model"])),
        language=str(options.get("language", "")),
        compute=str(options.get("compute", "default")),
        threads=int(options.get("threads", 1)),
        beam=int(options.get("beam", 1)),
    )


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    place=RunLocation.CHILD,
    capabilities=WORDS,
    load=_load,
    missing=_missing,
    transcribes=True,
)
