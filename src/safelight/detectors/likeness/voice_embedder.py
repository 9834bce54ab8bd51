"""Computes voice templates in a model process. One process holds the operator's model for the whole
gateway.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from safelight.detectors.models.process import ModelFailed, ModelProcess
from safelight.sandbox.entrypoints import EntryPoint

from . import voice_model
from .matching import Template
from .voice_model import AUTO
from .voices import SpeechPiece

#: Time limit for an answer in seconds: a fixed part, plus a part for each second of speech.
_TIMEOUT_S, _TIMEOUT_PER_SPEECH_S = 30.0, 1.0


class OnnxVoiceEmbedder:
    """A `VoiceEmbedder`. It receives templates through a pipe and never stores them."""

    def __init__(
        self, model: Path, *, framework: str = AUTO, sha256: str = "", timeout_s: float = _TIMEOUT_S
    ) -> None:
        options = {"model": str(model.absolute()), "recipe": framework, "sha256": sha256}
        self._process = ModelProcess(EntryPoint.of(voice_model.load), options, load_s=60.0)
        self._timeout_s = timeout_s
        self._version, self._width = "", 0

    @property
    def version(self) -> str:
        """The version, which identifies the model file. The first call loads the model.

        Raises `ModelFailed` if the model is unusable.
        """
        if not self._version:
            answer = self._process.call({"pieces": []}, timeout_s=self._timeout_s)
            self._version, self._width = str(answer["version"]), int(answer["width"])
        return self._version

    def embed(self, pieces: Sequence[SpeechPiece]) -> tuple[Template, ...]:
        """One template of unit length for each piece of speech. Raises `ModelFailed`, also if the model's
        answer is invalid.
        """
        version = self.version
        seconds = sum(piece.seconds for piece in pieces)
        request: dict[str, Any] = {
            "pieces": [{"path": str(one.path), "parts": [list(part) for part in one.parts]} for one in pieces]
        }
        answer = self._process.call(request, timeout_s=self._timeout_s + _TIMEOUT_PER_SPEECH_S * seconds)
        if answer["version"] != version:
            raise ModelFailed("The voice model was replaced by another one while the gateway was running.")
        templates = tuple(np.asarray(one, np.float64) for one in answer["templates"])
        if len(templates) != len(pieces) or not all(map(self._is_valid, templates)):
            raise ModelFailed("The voice model returned an invalid template.")
        return templates

    def close(self) -> None:
        self._process.close()

    def _is_valid(self, template: Template) -> bool:
        # If any value is NaN, the norm is NaN too, so the comparison is false.
        return template.shape == (self._width,) and abs(float(np.linalg.norm(template)) - 1) < 1e-6
