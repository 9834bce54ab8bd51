"""Voices described in a model process, which holds the operator's model once for the whole gateway."""

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

#: Seconds for an answer, and for each second of speech more.
_TIMEOUT_S, _PER_S = 30.0, 1.0


class OnnxVoices:
    """A `VoiceDescriber`. Templates come back over a pipe and are never written anywhere by it."""

    def __init__(
        self, model: Path, *, framework: str = AUTO, sha256: str = "", timeout_s: float = _TIMEOUT_S
    ) -> None:
        options = {"model": str(model.absolute()), "recipe": framework, "sha256": sha256}
        self._process = ModelProcess(EntryPoint.of(voice_model.opened), options, load_s=60.0)
        self._timeout_s = timeout_s
        self._version, self._width = "", 0

    @property
    def version(self) -> str:
        """The very model; it is loaded for this once. Raises `ModelFailed` where it cannot be used."""
        if not self._version:
            answer = self._process.call({"pieces": []}, timeout_s=self._timeout_s)
            self._version, self._width = str(answer["version"]), int(answer["width"])
        return self._version

    def voices(self, pieces: Sequence[SpeechPiece]) -> tuple[Template, ...]:
        """A template of length one for each piece. Raises `ModelFailed`, also for an answer that is none."""
        wanted = self.version
        seconds = sum(piece.seconds for piece in pieces)
        request: dict[str, Any] = {
            "pieces": [{"path": str(one.path), "parts": [list(part) for part in one.parts]} for one in pieces]
        }
        answer = self._process.call(request, timeout_s=self._timeout_s + _PER_S * seconds)
        if answer["version"] != wanted:
            raise ModelFailed("The model of voices was exchanged for another.")
        templates = tuple(np.asarray(one, np.float64) for one in answer["templates"])
        if len(templates) != len(pieces) or not all(map(self._whole, templates)):
            raise ModelFailed("The model of voices answered with what is no template.")
        return templates

    def close(self) -> None:
        self._process.close()

    def _whole(self, template: Template) -> bool:
        # What is no number has no length.
        return template.shape == (self._width,) and abs(float(np.linalg.norm(template)) - 1) < 1e-6
