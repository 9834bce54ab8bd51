"""Transcriber that runs in the scan child process: the operator's Whisper weights, executed by
faster-whisper.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.protocol import AudioChunk, DetectorPlugin, MediaText, RunLocation, SpokenWord
from safelight.installation import install_command

from .transcripts import TRANSCRIPT_CAPABILITIES, validate_transcript

NAME, VERSION = "whisper", "1"
#: Files that a folder with weights must contain. Without a tokenizer file, the library would download one.
FILES = ("model.bin", "config.json", "tokenizer.json")
_NO_MODEL = (
    "No Whisper weights are configured: safelight.toml needs [detectors.whisper] with "
    'model = "/folder/of/converted/weights" '
    "(CTranslate2 format). Speech is not transcribed here, so the words in it are not checked."
)


class WhisperTranscriber:
    """An `InProcessTranscriber`. The scan child loads the weights at the first span of speech."""

    name = NAME
    capabilities = TRANSCRIPT_CAPABILITIES
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
        """Transcribe a span of speech. Raises `TranscriptionFailed` if the model's times are impossible."""
        segments, _info = self._load_model().transcribe(
            np.ascontiguousarray(sound.samples),
            language=self._language or None,
            beam_size=self._beam,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
        )
        seconds = sound.samples.size / sound.rate
        return validate_transcript((_line(segment, seconds) for segment in segments), seconds)

    def _load_model(self) -> Any:
        # Imported late, because the library starts threads, and a process with threads must not fork.
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
    # Whisper works on windows of 30 s, so its times may exceed the end of a shorter sound. Such times are
    # clipped.
    def clip(moment: float) -> float:
        return min(max(float(moment), 0.0), seconds)

    return MediaText(
        text=str(segment.text).strip(),
        confidence=min(math.exp(min(float(segment.avg_logprob), 0.0)), 1.0),
        start_s=clip(segment.start),
        end_s=max(clip(segment.end), clip(segment.start)),
        words=tuple(
            SpokenWord(
                text=str(word.word).strip(),
                start_s=clip(word.start),
                end_s=max(clip(word.end), clip(word.start)),
            )
            for word in segment.words or ()
        ),
    )


def _missing(options: dict[str, Any]) -> str | None:
    folder = options.get("model")
    if not folder:
        return _NO_MODEL
    if lacking := [name for name in FILES if not Path(str(folder), name).is_file()]:
        return f"The folder of Whisper weights {folder} lacks {', '.join(lacking)}."
    if importlib.util.find_spec("faster_whisper") is None:
        return f"faster-whisper is not installed: {install_command('transcription')}."
    return None


def _load(options: dict[str, Any]) -> WhisperTranscriber:
    return WhisperTranscriber(
        Path(str(options["model"])),
        language=str(options.get("language", "")),
        compute=str(options.get("compute", "default")),
        threads=int(options.get("threads", 1)),
        beam=int(options.get("beam", 1)),
    )


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    location=RunLocation.CHILD,
    capabilities=TRANSCRIPT_CAPABILITIES,
    load=_load,
    missing=_missing,
    transcribes=True,
)
