"""Faces in reference files of every kind, from the file to the verdict, and weights that cannot be used."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from safelight.detectors.image.faces import BOTH, PLUGIN
from safelight.detectors.models import catalogue
from safelight.detectors.models.catalogue import BLAZEFACE, CENTERFACE, shared_folder
from safelight.detectors.models.weights import WeightsChanged
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.findings import Finding
from safelight.screening.scanning.report import ScanReport
from safelight.screening.scanning.service import Scanner, ScannerOptions
from support.synthetic_faces import ANN, portrait
from support.verdicts import decided

FACE = portrait(ANN)


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    with closing(Sandbox()) as sandbox:
        yield Scanner(sandbox, [("faces", {})], ScannerOptions(warm_children=1))


def voices(report: ScanReport) -> set[str]:
    return {str(one.attributes["voice"]) for one in report.findings}


def upside_down_by_exif(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(np.ascontiguousarray(FACE[::-1, ::-1])).save(path, exif=exif)


def sixteen_bit(path: Path) -> None:
    grey = np.asarray(Image.fromarray(FACE).convert("L"), np.uint16) * 257
    Image.fromarray(grey).save(path)


def cmyk(path: Path) -> None:
    Image.fromarray(FACE).convert("CMYK").save(path, quality=95)


def animated(path: Path) -> None:
    wall = Image.fromarray(np.full_like(FACE, 150))
    wall.save(path, save_all=True, append_images=[Image.fromarray(FACE)] * 2, duration=200)


def transparent(path: Path) -> None:
    Image.fromarray(np.dstack([FACE, np.full(FACE.shape[:2], 200, np.uint8)])).save(path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("exif.jpg", upside_down_by_exif),
        ("grey.png", sixteen_bit),
        ("print.jpg", cmyk),
        ("moving.webp", animated),
        ("glass.png", transparent),
    ],
)
def test_a_face_is_found_in_files_of_every_kind(
    name: str, write: object, scanner: Scanner, tmp_path: Path
) -> None:
    assert callable(write)
    write(tmp_path / name)
    report = scanner.scan_image(tmp_path / name)
    assert [run.complete for run in report.runs] == [True]
    assert voices(report) == {BOTH}
    assert decided("reference", *report.findings).rule == "lk-1"


def test_a_black_picture_has_no_face(scanner: Scanner, tmp_path: Path) -> None:
    Image.new("RGB", (640, 480)).save(tmp_path / "black.png")
    report = scanner.scan_image(tmp_path / "black.png")
    assert (report.findings, report.runs[0].complete) == ((), True)


def seen_by(findings: tuple[Finding, ...], voice: str, score: float = 0.7) -> list[Finding]:
    return [replace(one, score=score, attributes={**one.attributes, "voice": voice}) for one in findings]


def test_one_model_alone_holds_or_records(scanner: Scanner, tmp_path: Path) -> None:
    Image.fromarray(FACE).save(tmp_path / "a.png")
    findings = scanner.scan_image(tmp_path / "a.png").findings
    held = decided("reference", *seen_by(findings, CENTERFACE))
    assert (held.action, held.rule) == ("hold", "lk-11")
    assert decided("reference", *seen_by(findings, CENTERFACE, 0.69)).action == "allow"
    assert decided("reference", *seen_by(findings, BLAZEFACE, 1.0)).action == "allow"
    # Two models about two places are no two voices about one face.
    apart = decided("reference", *seen_by(findings, CENTERFACE), *seen_by(findings, BLAZEFACE))
    assert (apart.action, apart.rule) == ("hold", "lk-11")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models with both, beside which there are none."""
    for name in (CENTERFACE, BLAZEFACE):
        shutil.copytree(shared_folder() / name, tmp_path / "store" / name)
    monkeypatch.setattr(catalogue, "shared_folder", lambda: tmp_path / "none")
    return tmp_path / "store"


@pytest.mark.parametrize("name", [CENTERFACE, BLAZEFACE])
def test_weights_that_are_cut_off_are_reported_as_missing(name: str, store: Path) -> None:
    options = {"store": store}
    assert PLUGIN.missing(options) is None
    (file,) = catalogue.MODELS[name].files
    path = store / name / file.path
    path.write_bytes(path.read_bytes()[:-1])
    assert PLUGIN.missing(options) == f"The model {name} is not installed; run: safelight models pull {name}"
    with pytest.raises(FileNotFoundError, match=f"models pull {name}"):
        PLUGIN.load(options)


@pytest.mark.parametrize("name", [CENTERFACE, BLAZEFACE])
def test_weights_with_another_hash_are_an_error_and_a_gap(name: str, store: Path, tmp_path: Path) -> None:
    (file,) = catalogue.MODELS[name].files
    path = store / name / file.path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsChanged, match="not the file of the catalogue"):
        PLUGIN.load({"store": store})
    Image.fromarray(FACE).save(tmp_path / "a.png")
    with closing(Sandbox()) as sandbox:
        specs = [("faces", {"store": str(store)})]
        report = Scanner(sandbox, specs, ScannerOptions(warm_children=1)).scan_image(tmp_path / "a.png")
    [run] = report.runs
    assert not run.ran
    assert "not the file of the catalogue" in run.note
