"""Transcriber that runs in the scan child process: Whisper weights, executed by faster-whisper."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from safelight.core.installation import install_command
from safelight.detectors.models.catalogue import WHISPER, find_model, store_of
from safelight.detectors.protocol import AudioChunk, DetectorPlugin, MediaText, PluginOptions, SpokenWord

from .transcripts import TRANSCRIPT_CAPABILITIES, validate_transcript

NAME, VERSION = "whisper", "2"
#: Files that a folder with weights must contain. Without a tokenizer file, the library would download one.
FILES = ("model.bin", "config.json", "tokenizer.json")
_NO_MODEL = (
    f"The Whisper weights are missing; run: safelight models pull {WHISPER}."
    " Speech is not transcribed here, so the words in it are not checked."
)
#: A segment beyond one of these limits is not a transcript. Text that repeats itself (a loop) compresses
#: well; the two other figures are Whisper's own confidence. The first two limits are those of OpenAI's
#: implementation; figures: docs/benchmarks/sound.md.
MAX_COMPRESSION_RATIO, MIN_LOG_PROBABILITY, MIN_LANGUAGE_PROBABILITY = 2.4, -1.0, 0.5
#: Tokens for 29.5 s of fast speech. A loop ends here, at half of the cost of the model's own limit.
_MAX_NEW_TOKENS = 224


class WhisperTranscriber:
    """An `InProcessTranscriber`. The scan child loads the weights at the first span of speech."""

    name = NAME
    capabilities = TRANSCRIPT_CAPABILITIES
    rate = 16_000

    def __init__(
        self, folder: Path, *, language: str = "", compute: str = "int8", threads: int = 1, beam: int = 1
    ) -> None:
        self.version = f"{VERSION}+{folder.name}"
        self._folder = folder
        self._language, self._compute = language, compute
        self._threads, self._beam = threads, beam
        self._model: Any = None

    def read_speech(self, sound: AudioChunk) -> Iterable[MediaText]:
        """Transcribe speech. A segment without text could not be transcribed reliably.

        Raises `TranscriptionFailed` if the model's times are impossible.
        """
        model, seconds = self._load_model(), sound.samples.size / sound.rate
        samples = np.ascontiguousarray(sound.samples)
        language, probability = self._language or None, 1.0
        if language is None and model.model.is_multilingual:
            # Without the last frame, because the library leaves it out too when it transcribes.
            features = model.feature_extractor(samples)[..., :-1]
            language, probability, _others = model.detect_language(features=features)
        if probability < MIN_LANGUAGE_PROBABILITY:
            return [MediaText(text="", confidence=float(probability), start_s=0.0, end_s=seconds)]
        segments, _info = model.transcribe(
            samples,
            language=language,
            beam_size=self._beam,
            temperature=0.0,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=False,
            max_new_tokens=_MAX_NEW_TOKENS,
        )
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
            self._model.encode = _encode_once(self._model.encode)
        return self._model


def _encode_once(encode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The library encodes the same sound for its language and for its words; that is most of the cost."""
    last: tuple[Any, Any] | None = None

    def encode_new(features: Any) -> Any:
        nonlocal last
        if last is None or not np.array_equal(last[0], features):
            last = features, encode(features)
        return last[1]

    return encode_new


def _line(segment: Any, seconds: float) -> MediaText:
    # Whisper works on windows of 30 s, so its times may exceed the end of a shorter sound. Such times are
    # clipped.
    def clip(moment: float) -> float:
        return min(max(float(moment), 0.0), seconds)

    reliable = (
        float(segment.compression_ratio) <= MAX_COMPRESSION_RATIO
        and float(segment.avg_logprob) >= MIN_LOG_PROBABILITY
    )
    return MediaText(
        text=str(segment.text).strip() if reliable else "",
        confidence=min(math.exp(min(float(segment.avg_logprob), 0.0)), 1.0),
        start_s=clip(segment.start),
        end_s=max(clip(segment.end), clip(segment.start)),
        words=tuple(
            SpokenWord(
                text=str(word.word).strip(),
                start_s=clip(word.start),
                end_s=max(clip(word.end), clip(word.start)),
            )
            for word in (segment.words or () if reliable else ())
        ),
    )


def _folder(options: PluginOptions) -> Path | None:
    """The operator's weights if the settings name them; otherwise those of the catalogue."""
    return Path(str(options["model"])) if options.get("model") else find_model(WHISPER, store_of(options))


def _missing(options: PluginOptions) -> str | None:
    folder = _folder(options)
    if folder is None:
        return _NO_MODEL
    if lacking := [name for name in FILES if not (folder / name).is_file()]:
        return f"The folder of Whisper weights {folder} lacks {', '.join(lacking)}."
    if importlib.util.find_spec("faster_whisper") is None:
        return f"faster-whisper is not installed: {install_command('transcription')}."
    return None


def _load(options: PluginOptions) -> WhisperTranscriber:
    folder = _folder(options)
    if folder is None:
        raise FileNotFoundError(_NO_MODEL)
    return WhisperTranscriber(
        folder,
        language=str(options.get("language", "")),
        compute=str(options.get("compute", "int8")),
        threads=int(options.get("threads", 1)),
        beam=int(options.get("beam", 1)),
    )


PLUGIN = DetectorPlugin(
    name=NAME,
    version=VERSION,
    capabilities=TRANSCRIPT_CAPABILITIES,
    load=_load,
    missing=_missing,
    transcribes=True,
)
