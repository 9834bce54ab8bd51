"""A model of voices, in a model process: Kaldi's filter banks in, one embedding out. Run by ONNX Runtime."""

from __future__ import annotations

import hashlib
import importlib.util
import wave
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

#: Samples in a second, and filter banks: what all these models take.
RATE, BANKS = 16_000, 80
#: The recipe that the file itself names.
AUTO = "auto"
#: Numbers in an embedding.
_WIDTHS = range(8, 4097)
Features = npt.NDArray[np.float32]


class Recipe(StrEnum):
    """How a family of models was fed when it was trained, by what its files say in `framework`."""

    #: Samples as 16-bit numbers, under a Hamming window.
    WESPEAKER = "wespeaker"
    #: Samples from -1 to 1, under Povey's window.
    THREE_D_SPEAKER = "3d-speaker"


def missing() -> str | None:
    """One sentence on what is not installed; None where all is."""
    if importlib.util.find_spec("kaldi_native_fbank") is None:
        return (
            "Voices are described with the help of kaldi-native-fbank, which is not installed:"
            " pip install 'safelight[voice]'."
        )
    return None


def opened(options: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What a model process answers with: `{"pieces": [{"path", "parts"}]}` to templates.

    Raises `ValueError` with one sentence where the file is not such a model.
    """
    model = VoiceModel(Path(options["model"]), recipe=options["recipe"], sha256=options["sha256"])

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        templates = [model.template(samples_in(Path(one["path"]), one["parts"])) for one in request["pieces"]]
        return {"version": model.version, "width": model.width, "templates": [t.tolist() for t in templates]}

    return answer


class VoiceModel:
    """`version` names the very file and how it is fed; `width` is how many numbers describe a voice."""

    def __init__(self, path: Path, *, recipe: str = AUTO, sha256: str = "") -> None:
        import onnxruntime

        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if sha256 and digest != sha256.lower():
            raise ValueError(f"{path.name} is not the file that sha256 names: it hashes to {digest}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(
                data, sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ValueError(f"{path.name} is no ONNX model: {error}"[:200]) from None
        self._input = _checked(self._session, path.name)
        self.recipe = _recipe(recipe, self._session.get_modelmeta().custom_metadata_map, path.name)
        self.width = self._tried(path.name)
        self.version = f"voice:{self.recipe.value}:{digest[:16]}"

    def template(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """The voice in these samples, of length one; no number where the model says none."""
        (answer,) = self._session.run(None, {self._input: features(samples, self.recipe)[None]})
        found = np.asarray(answer[0], np.float64)
        with np.errstate(all="ignore"):
            unit: npt.NDArray[np.float64] = found / np.linalg.norm(found)
        return unit

    def _tried(self, name: str) -> int:
        banks = np.random.default_rng(7).normal(size=(1, 200, BANKS)).astype(np.float32)
        try:
            (answer,) = self._session.run(None, {self._input: banks})
        except Exception as error:
            raise ValueError(f"{name} cannot be run on filter banks: {error}"[:200]) from None
        if answer.ndim != 2 or answer.shape[0] != 1 or answer.shape[1] not in _WIDTHS:
            raise ValueError(f"{name} answers with the shape {list(answer.shape)}, not with one embedding")
        return int(answer.shape[1])


def features(samples: npt.NDArray[np.float32], recipe: Recipe) -> Features:
    """(frames, 80): Kaldi's filter banks of samples from -1 to 1, without their mean over time."""
    import kaldi_native_fbank

    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming" if recipe is Recipe.WESPEAKER else "povey"
    options.mel_opts.num_bins = BANKS
    banks = kaldi_native_fbank.OnlineFbank(options)
    scale = 32768.0 if recipe is Recipe.WESPEAKER else 1.0
    banks.accept_waveform(RATE, (samples * np.float32(scale)).tolist())
    banks.input_finished()
    if not banks.num_frames_ready:
        raise ValueError("a piece of sound that is too short")
    found = np.stack([banks.get_frame(index) for index in range(banks.num_frames_ready)]).astype(np.float32)
    centred: Features = found - found.mean(axis=0)
    return centred


def samples_in(path: Path, parts: list[list[float]]) -> npt.NDArray[np.float32]:
    """Stretches of a WAV file of speech, one after another, from -1 to 1."""
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            raise ValueError("a file of speech that is not mono, 16 bits, 16 kHz")
        whole = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    chosen = [whole[round(start * RATE) : round(end * RATE)] for start, end in parts]
    return np.concatenate(chosen).astype(np.float32) / np.float32(32768)


def _checked(session: Any, name: str) -> str:
    """The name of the one input. Raises `ValueError` where inputs and outputs are other ones."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    wanted = f"one input of [batch, frames, {BANKS}] numbers and one embedding out"
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"{name} has {len(inputs)} inputs and {len(outputs)} outputs; wanted: {wanted}")
    shape = list(inputs[0].shape)
    banks = shape[-1] if shape else None
    if inputs[0].type != "tensor(float)" or len(shape) != 3 or (isinstance(banks, int) and banks != BANKS):
        raise ValueError(f"{name} takes {inputs[0].type} of the shape {shape}; wanted: {wanted}")
    return str(inputs[0].name)


def _recipe(asked: str, said: Mapping[str, str], name: str) -> Recipe:
    rate = said.get("sample_rate", str(RATE))
    if rate != str(RATE):
        raise ValueError(f"{name} is for sound of {rate} Hz; wanted: {RATE} Hz")
    framework = said.get("framework", "").strip().lower() if asked == AUTO else asked
    known = " or ".join(one.value for one in Recipe)
    if not framework:
        raise ValueError(f"{name} does not say how it was trained: set likeness.voice.framework to {known}")
    try:
        return Recipe(framework)
    except ValueError:
        raise ValueError(f"{name} is for features of {framework!r}; wanted: {known}") from None
