"""The origin of real files: unchanged, changed, forged, similar, withdrawn, foreign, broken."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import cv2
import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from safelight.core.errors import SandboxCrashed, SandboxTimedOut
from safelight.core.fileio import sha256_file
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance import watermark_service
from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex, SimilarFile
from safelight.provenance.fingerprints.fingerprinter import sample_file
from safelight.provenance.fingerprints.picture_comparison import Comparison, SearchedPictures
from safelight.provenance.keys import KeyStore
from safelight.provenance.models import NO_REVOCATIONS
from safelight.provenance.recovery import recovery
from safelight.provenance.recovery.conclusion import Answer, Ground, MarkSearch, OriginEvidence
from safelight.provenance.recovery.known_mark_search import (
    KnownMarkResult,
    KnownPicture,
    SearchBudget,
    search_known,
)
from safelight.provenance.recovery.recovery import Recovered, Recovery, RecoverySources
from safelight.provenance.seal import NO_MARK, MarkState, Seal
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier
from safelight.provenance.watermark.clip_marking import add_up
from safelight.provenance.watermark.pattern import SHORT_SIDE, WatermarkPattern
from safelight.provenance.watermark.synchroniser import Synchroniser, fold
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import MarkReading, WatermarkReader, WatermarkService
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.store.tables import seals
from safelight.videos.registry import FingerprintStore, Registry, remove_fingerprints
from support.clips import mark, remux

from .conftest import FactsMaker

Pixels = npt.NDArray[np.uint8]
WIDTH, HEIGHT, FPS, FRAMES = 480, 270, 12, 24
#: Moments are compared in clips with enough frames.
FILM_FPS = 16


def scene(seed: int) -> Iterator[Pixels]:
    """A camera that moves over shapes and texture."""
    generator = np.random.default_rng(seed)
    wide = cv2.GaussianBlur(generator.normal(0, 1, (HEIGHT, 2 * WIDTH, 3)), (0, 0), 1.5) * 30 + 120
    for _ in range(60):
        place = (int(generator.integers(2 * WIDTH)), int(generator.integers(HEIGHT)))
        colour = tuple(map(int, generator.integers(30, 220, 3)))
        cv2.circle(wide, place, int(generator.integers(6, 40)), colour, -1)
    for number in range(FRAMES):
        yield np.clip(wide[:, 4 * number : 4 * number + WIDTH], 16, 235).astype(np.uint8)


def film(start_s: float) -> Iterator[Pixels]:
    """Three seconds of a film in which textured things move in front of the same background."""
    background, thing = (
        cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, shape), (0, 0), 2) * 130 + level
        for seed, shape, level in ((5, (HEIGHT, WIDTH, 3), 110), (6, (70, 70, 3), 150))
    )
    for number in range(3 * FILM_FPS):
        picture, now = background.copy(), start_s + number / FILM_FPS
        for each in range(1, 6):
            x = int((WIDTH - 70) * (0.5 + 0.5 * np.sin(now * (0.9 + 0.37 * each) + each)))
            y = int((HEIGHT - 70) * (0.5 + 0.5 * np.cos(now * (1.3 + 0.23 * each) + 2 * each)))
            picture[y : y + 70, x : x + 70] = thing
        yield np.clip(picture, 16, 235).astype(np.uint8)


def write(path: Path, frames: Iterator[Pixels], crf: int = 18, fps: int = FPS) -> Path:
    frames = iter(frames)
    first = next(frames)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.height, stream.width, stream.pix_fmt = (*first.shape[:2], "yuv420p")
        for pixels in itertools.chain([first], frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def frames_of(path: Path) -> Iterator[Pixels]:
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A delivered video, and the recovery of its installation."""

    recovery: Recovery
    database: Database
    sources: RecoverySources
    withdrawn: set[str]
    source: Path
    sealed: Path
    seal: Seal
    sealer: Sealer
    seed: bytes
    reader: WatermarkReader

    def recover(self, path: Path) -> Recovered:
        return self.recovery.recover(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recovery")


@pytest.fixture(scope="module")
def here(sandbox: Sandbox, folder: Path, facts: FactsMaker) -> Iterator[Installation]:
    keys = KeyStore.own(folder / "keys", organization="Test Films")
    watermark_keys = WatermarkKeys(folder / "watermark")
    service = WatermarkService(sandbox=sandbox, keys=watermark_keys, preset="ultrafast")
    source, sealed = write(folder / "source.mp4", scene(1)), folder / "sealed.mp4"
    sealer = Sealer(sandbox=sandbox, keys=keys, watermark=service)
    seal = sealer.seal(source, sealed, facts())
    assert seal.mark.state is MarkState.READ_BACK
    database = Database(f"sqlite:///{folder / 'safelight.db'}")
    migrate(database)
    with database.transaction("tenant_a") as tx:
        Registry(database).record(tx, seal)
    store, withdrawn = FingerprintStore(database), set[str]()
    sources = RecoverySources(
        registry=Registry(database),
        fingerprints=store,
        index=FingerprintIndex(store),
        is_withdrawn=lambda video_id: video_id in withdrawn,
    )
    reader = WatermarkReader(sandbox=sandbox, keys=watermark_keys)
    found = Recovery(
        sandbox=sandbox,
        verifier=Verifier(sandbox=sandbox, keys=keys),
        reader=reader,
        sources=sources,
    )
    yield Installation(
        recovery=found,
        database=database,
        sources=sources,
        withdrawn=withdrawn,
        source=source,
        sealed=sealed,
        seal=seal,
        sealer=sealer,
        seed=watermark_keys.current().seed,
        reader=reader,
    )
    database.close()


def _outcome(found: Recovered) -> tuple[Answer, Ground]:
    return found.conclusion.answer, found.conclusion.ground


def test_a_file_with_its_manifest_is_unchanged_a_copy_without_it_is_changed(
    here: Installation, tmp_path: Path
) -> None:
    padded = tmp_path / "padded.mp4"
    padded.write_bytes(here.sealed.read_bytes() + (8).to_bytes(4, "big") + b"free")
    assert _outcome(here.recover(padded)) == (Answer.UNCHANGED, Ground.MANIFEST)
    exact, copy = here.recover(here.sealed), here.recover(remux(here.sealed, tmp_path / "copy.mkv"))
    assert _outcome(exact) == (Answer.UNCHANGED, Ground.EXACT_FILE)
    assert _outcome(copy) == (Answer.CHANGED, Ground.MARK_AND_PICTURE)
    for found in (exact, copy):
        assert found.seal is not None
        assert found.seal.video_id == here.seal.video_id


@pytest.mark.parametrize(
    "change",
    [
        lambda one: cv2.resize(one, (360, 202), interpolation=cv2.INTER_AREA),
        lambda one: one[:, ::-1],
        lambda one: one[20:-20, 30:-50],
        lambda one: cv2.copyMakeBorder(one, 60, 60, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0)),
    ],
    ids=["smaller", "mirrored", "cropped", "bars"],
)
def test_an_encoded_copy_is_from_here_and_changed(
    here: Installation, tmp_path: Path, change: Callable[[Pixels], Pixels]
) -> None:
    copy = write(tmp_path / "copy.mp4", (change(one) for one in frames_of(here.sealed)), crf=23)
    assert _outcome(here.recover(copy)) == (Answer.CHANGED, Ground.MARK_AND_PICTURE)


def forge(here: Installation, seal: Seal, foreign: Path) -> Path:
    """Foreign footage with the mark of a delivered video."""
    forged = foreign.with_name("forged.mp4")
    mark(foreign, forged, seed=here.seed, content_id=int(seal.mark.content_id or "", 16))
    return forged


def test_a_mark_on_another_picture_is_not_from_here(here: Installation, tmp_path: Path) -> None:
    forged = forge(here, here.seal, write(tmp_path / "foreign.mp4", scene(2)))
    assert _outcome(here.recover(forged)) == (Answer.NOT_FOUND, Ground.MARK_COPIED)


def test_a_mark_whose_picture_is_not_compared_in_time_leaves_the_origin_open(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        recovery, "MARKED_LIMITS", msgspec.structs.replace(recovery.MARKED_LIMITS, wall_s=0.01)
    )
    forged = forge(here, here.seal, write(tmp_path / "foreign.mp4", scene(2)))
    assert _outcome(here.recover(forged)) == (Answer.CANNOT_TELL, Ground.MARK_NOT_COMPARED)


def test_the_same_picture_without_a_mark_names_the_video_but_proves_nothing(
    here: Installation, tmp_path: Path
) -> None:
    assert _outcome(here.recover(here.source)) == (Answer.CANNOT_TELL, Ground.PICTURE_ONLY)
    shot = tmp_path / "shot.png"
    for path, outcome in (
        (here.source, (Answer.CANNOT_TELL, Ground.PICTURE_ONLY)),
        (here.sealed, (Answer.CHANGED, Ground.MARK_AND_PICTURE)),
    ):
        Image.fromarray(next(frames_of(path))).save(shot)
        found = here.recover(shot)
        assert _outcome(found) == outcome
        assert found.seal is not None
        assert found.seal.video_id == here.seal.video_id


def test_the_mark_of_a_screenshot_is_read_without_a_similar_registered_picture(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = next(frames_of(here.sealed))
    shots = {
        "whole.jpg": frame,
        "cropped.png": np.ascontiguousarray(frame[20:-30, 30:-50]),
        "scaled.png": cv2.resize(frame, (400, 225), interpolation=cv2.INTER_AREA),
    }
    for name, pixels in shots.items():
        Image.fromarray(np.asarray(pixels, np.uint8)).save(tmp_path / name)
        reading = here.reader.read(tmp_path / name)
        assert (reading.content_id, reading.epoch) == (here.seal.mark.content_id, here.seal.mark.epoch), name
    monkeypatch.setattr(here.sources.index, "search", lambda _frames: ())
    found = here.recover(tmp_path / "cropped.png")
    assert _outcome(found) == (Answer.CHANGED, Ground.MARK_AND_PICTURE)
    assert found.source_video == here.seal.video_id


@pytest.mark.parametrize("kind", ["damaged", "too large"])
def test_a_picture_that_cannot_be_searched_leaves_the_origin_open(
    here: Installation, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "picture.png"
    if kind == "too large":
        Image.new("1", (8000, 7000)).save(path)
    else:
        Image.fromarray(next(scene(3))).save(path)
        path.write_bytes(path.read_bytes()[:9000])
    assert not here.reader.read(path).is_complete
    assert _outcome(here.recover(path)) == (Answer.CANNOT_TELL, Ground.NOT_SEARCHED)


def test_a_search_that_was_cut_off_leaves_the_origin_open(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watermark_service, "SEARCH_S", 0.0)
    foreign = write(tmp_path / "foreign.mp4", scene(3))
    assert _outcome(here.recover(foreign)) == (Answer.CANNOT_TELL, Ground.NOT_SEARCHED)


def test_frames_that_could_not_be_hashed_leave_the_origin_open(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path) -> None:
        raise SandboxTimedOut("It took too long.")

    monkeypatch.setattr(here.recovery, "_hash_frames", fail)
    monkeypatch.setattr(here.reader, "read", lambda _path: MarkReading())
    foreign = write(tmp_path / "foreign.mp4", scene(3))
    look = here.recovery.look(foreign)
    assert (look.has_picture, look.was_hashed, look.named) == (True, False, ())
    assert _outcome(here.recovery.conclude(foreign, look)) == (Answer.CANNOT_TELL, Ground.NOT_SEARCHED)


def test_a_file_with_a_mark_also_states_whether_it_was_searched_completely(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = here.recovery.look(remux(here.sealed, tmp_path / "copy.mkv"))
    monkeypatch.setattr(here.recovery, "_compare_marked", lambda *_: OriginEvidence(mark=MarkSearch.READ))
    mark = here.seal.mark
    for was_hashed, was_read in ((True, True), (True, False), (False, True)):
        reading = MarkReading(content_id=mark.content_id, epoch=mark.epoch, is_complete=was_read)
        monkeypatch.setattr(here.reader, "read", lambda _path, reading=reading: reading)
        found = here.recovery.conclude(tmp_path / "copy.mkv", replace(look, was_hashed=was_hashed))
        assert found.seal is not None
        assert found.is_complete is (was_hashed and was_read)


def test_a_mark_is_not_accepted_with_the_seed_of_another_epoch_than_that_of_its_video(
    here: Installation, tmp_path: Path
) -> None:
    copy = remux(here.sealed, tmp_path / "copy.mkv")  # its picture agrees, and its mark is of epoch 1
    where = seals.c.sha256 == here.seal.sha256
    with here.database.transaction("tenant_a") as tx:
        tx.update(seals, where, mark_epoch=2)
    try:
        assert _outcome(here.recover(copy)) == (Answer.CANNOT_TELL, Ground.MARK_NOT_COMPARED)
    finally:
        with here.database.transaction("tenant_a") as tx:
            tx.update(seals, where, mark_epoch=here.seal.mark.epoch)


def test_a_child_that_names_a_seed_which_it_did_not_get_has_failed(
    here: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer in ({"content_id": 1}, {"content_id": 1, "seed": -1}, {"content_id": 1, "seed": 1}):
        sandbox = SimpleNamespace(run=lambda *_args, answer=answer, **_options: answer)
        monkeypatch.setattr(here.reader, "_sandbox", sandbox)
        with pytest.raises(SandboxCrashed):
            here.reader.read(here.sealed)


def test_a_mark_that_was_not_read_is_found_in_the_registered_picture(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here.reader, "read", lambda _path: MarkReading())
    changed = (cv2.resize(one[10:-10, 16:-16], (256, 144)) for one in frames_of(here.sealed))
    copy = write(tmp_path / "copy.mp4", changed, crf=23)
    assert _outcome(here.recover(copy)) == (Answer.CHANGED, Ground.MARK_AND_PICTURE)


@pytest.fixture(scope="module")
def unread(here: Installation) -> MarkReading:
    """The soft bits of the marked file, as if they were too weak to be read."""
    sums = add_up(here.sealed, lambda: False)
    tiles = fold(sums.chunks, np.diag(np.full(2, SHORT_SIDE / min(sums.chunks[0].shape))))
    found = Synchroniser(WatermarkPattern.from_seed(here.seed)).synchronise(tiles, sums.times)
    return MarkReading(unread={here.seed: [found.llr]})


def test_a_mark_of_a_named_video_is_found_in_what_could_not_be_read(
    here: Installation, unread: MarkReading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here.reader, "read", lambda _path: unread)
    copy = remux(here.sealed, tmp_path / "copy.mkv")

    def outcome(*named: SimilarFile) -> tuple[Answer, Ground]:
        monkeypatch.setattr(here.sources.index, "search", lambda _frames: named)
        return _outcome(here.recover(copy))

    assert outcome() == (Answer.NOT_FOUND, Ground.NOTHING)
    monkeypatch.setattr(here.recovery, "_compare", lambda _path, _picture: Comparison.NOT_COMPARABLE)
    one = SimilarFile(sha256=here.seal.sha256, share=1.0)
    assert outcome(one) == (Answer.CHANGED, Ground.MARK_AND_PICTURE)
    assert outcome(replace(one, share=0.1)) == (Answer.CANNOT_TELL, Ground.MARK_NOT_COMPARED)


def test_a_clip_without_features_is_found_as_the_whole_picture(here: Installation, tmp_path: Path) -> None:
    picture = here.sources.fingerprints.picture(here.seal.sha256)
    assert picture is not None
    assert here.seal.mark.content_id is not None
    known = KnownPicture(picture=picture, content_id=int(here.seal.mark.content_id, 16), seed=here.seed)
    smooth = (cv2.GaussianBlur(one, (0, 0), 25) for one in frames_of(here.source))
    marked = (
        np.clip(blurred + (one.astype(float) - plain), 0, 255).astype(np.uint8)
        for blurred, one, plain in zip(smooth, frames_of(here.sealed), frames_of(here.source), strict=True)
    )
    copy = write(tmp_path / "copy.mp4", marked, crf=18)
    (result,) = search_known(
        SearchedPictures(list(sample_file(copy, 16))),
        lambda: add_up(copy, lambda: False),
        [known],
        SearchBudget(recovery.KNOWN_S, lambda: 0.0),
    )
    assert result == KnownMarkResult(has_mark=True, was_reached=True)


def test_a_recording_of_a_screen_at_an_angle_is_compared_with_its_origin(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here.reader, "read", lambda _path: MarkReading())  # it finds nothing in 11 s
    corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float32)
    seen = np.array([[24, 14], [470, 0], [WIDTH, 258], [12, HEIGHT]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, seen)
    filmed = (cv2.warpPerspective(one, matrix, (WIDTH, HEIGHT)) for one in frames_of(here.sealed))
    found = here.recover(write(tmp_path / "copy.mp4", filmed, crf=28))
    # Whether the mark is found beside the picture depends on the random id and key.
    assert _outcome(found)[1] in (Ground.MARK_AND_PICTURE, Ground.PICTURE_ONLY)


@pytest.mark.parametrize(("share", "is_found_out"), [(0.0, True), (0.1, False)])
def test_only_a_file_with_a_near_frame_that_was_not_compared_leaves_the_origin_open(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float, is_found_out: bool
) -> None:
    named = (SimilarFile(sha256=here.seal.sha256, share=share),)
    monkeypatch.setattr(here.sources.index, "search", lambda _frames: named)
    monkeypatch.setattr(recovery, "KNOWN_S", 0.0)
    found = here.recover(write(tmp_path / "foreign.mp4", scene(3)))
    assert (_outcome(found) == (Answer.NOT_FOUND, Ground.NOTHING)) is is_found_out


def test_foreign_and_empty_pictures_are_searched_and_not_found(here: Installation, tmp_path: Path) -> None:
    picture = tmp_path / "foreign.png"
    Image.fromarray(next(scene(3))).save(picture)
    files = [picture, write(tmp_path / "foreign.mp4", scene(3))]
    for luma in (0, 255):
        empty = itertools.repeat(np.full((HEIGHT, WIDTH, 3), luma, np.uint8), FRAMES)
        files.append(write(tmp_path / f"empty-{luma}.mp4", iter(empty)))
    for path in files:
        found = here.recover(path)
        assert (_outcome(found), found.seal) == ((Answer.NOT_FOUND, Ground.NOTHING), None), path


@pytest.mark.parametrize("content", [b"", b"no video", b"\x00\x00\x00\x18ftypmp42" + bytes(400)])
def test_a_broken_file_is_not_found(here: Installation, tmp_path: Path, content: bytes) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(content)
    assert _outcome(here.recover(broken)) == (Answer.NOT_FOUND, Ground.NOTHING)


@contextmanager
def changed_row(here: Installation, sha256: str, **values: object) -> Iterator[None]:
    """A seal with other values in the database, as after an intrusion; restored in the end."""
    row = seals.c.sha256 == sha256
    with here.database.read_transaction("tenant_a") as tx:
        before = tx.one(seals, row)
    with here.database.raw_connection() as connection:
        connection.execute(seals.update().where(row).values(**values))
    try:
        yield
    finally:
        with here.database.raw_connection() as connection:
            connection.execute(
                seals.update().where(row).values(**{name: getattr(before, name) for name in values})
            )


def test_a_changed_row_proves_no_origin(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = remux(here.sealed, tmp_path / "copy.mkv")
    with changed_row(here, here.seal.sha256, video_id="video_other"):
        found = here.recover(copy)
        assert _outcome(found) == (Answer.CANNOT_TELL, Ground.MARK_NOT_COMPARED)
        assert found.seal is None
        monkeypatch.setattr(here.reader, "read", lambda _path: MarkReading())
        assert _outcome(here.recover(here.source)) == (Answer.CANNOT_TELL, Ground.NOT_SEARCHED)


def test_a_withdrawn_video_is_recognised_by_its_bytes_and_no_longer_by_its_picture(
    here: Installation, tmp_path: Path
) -> None:
    copy = remux(here.sealed, tmp_path / "copy.mp4")
    with here.database.transaction("tenant_a") as tx:
        remove_fingerprints(tx, here.seal.video_id)
    here.withdrawn.add(here.seal.video_id)
    found = here.recover(here.sealed)
    assert _outcome(found) == (Answer.UNCHANGED, Ground.EXACT_FILE)
    assert found.is_withdrawn
    assert _outcome(here.recover(copy)) == (Answer.CANNOT_TELL, Ground.MARK_NOT_COMPARED)
    assert _outcome(here.recover(here.source)) == (Answer.NOT_FOUND, Ground.NOTHING)


def test_a_mark_on_another_part_of_the_same_film_leaves_the_origin_open(
    here: Installation, tmp_path: Path, facts: FactsMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = recovery._MOMENT_LIMITS
    # The result does not depend on the speed of the machine.
    patient = msgspec.structs.replace(limits, wall_s=20 * limits.wall_s, cpu_s=20 * limits.cpu_s)
    monkeypatch.setattr(recovery, "_MOMENT_LIMITS", patient)
    source, sealed = write(tmp_path / "source.mp4", film(0.0), fps=FILM_FPS), tmp_path / "sealed.mp4"
    seal = here.sealer.seal(source, sealed, facts(video_id="video_" + "f" * 32))
    with here.database.transaction("tenant_a") as tx:
        here.sources.registry.record(tx, seal)
    copy = write(tmp_path / "copy.mp4", frames_of(sealed), crf=23, fps=FILM_FPS)
    assert _outcome(here.recover(copy)) == (Answer.CHANGED, Ground.MARK_AND_PICTURE)
    forged = forge(here, seal, write(tmp_path / "other.mp4", film(40.0), fps=FILM_FPS))
    found = here.recover(forged)
    assert _outcome(found) == (Answer.CANNOT_TELL, Ground.MARK_NOT_COMPARED)
    assert found.source_video is None
    # Without time for the comparison, the answer is the same as before it existed.
    monkeypatch.setattr(recovery, "_MOMENT_LIMITS", msgspec.structs.replace(limits, wall_s=0.01))
    assert _outcome(here.recover(forged)) == (Answer.CHANGED, Ground.MARK_AND_PICTURE)


def test_a_changed_row_hides_no_withdrawal_of_a_file_with_its_manifest(here: Installation) -> None:
    here.withdrawn.add(here.seal.video_id)
    try:
        with changed_row(here, here.seal.sha256, video_id="video_other"):
            found = here.recover(here.sealed)
    finally:
        here.withdrawn.clear()
    assert _outcome(found) == (Answer.UNCHANGED, Ground.MANIFEST)
    assert found.source_video == here.seal.video_id
    assert found.names_withdrawn


def test_exactly_the_bytes_of_a_changed_row_prove_no_origin(
    here: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(here.reader, "read", lambda _path: MarkReading())
    plain = write(tmp_path / "plain.mp4", scene(7))
    seal = replace(
        here.seal, sha256=sha256_file(plain), video_id="video_plain", mark=NO_MARK, fingerprint=None
    )
    with here.database.transaction("tenant_a") as tx:
        Registry(here.database).record(tx, seal)
    assert _outcome(here.recover(plain)) == (Answer.UNCHANGED, Ground.EXACT_FILE)
    for changed in ({"source_sha256": "0" * 64}, {"created_at": 0.0}, {"facts": "{"}):
        with changed_row(here, seal.sha256, **changed):
            assert _outcome(here.recover(plain)) == (Answer.CANNOT_TELL, Ground.NOT_SEARCHED)


@pytest.mark.parametrize("damaged", ["entry", "revocations"])
def test_a_file_without_a_picture_is_not_called_foreign_if_entry_or_revocations_are_damaged(
    here: Installation, tmp_path: Path, damaged: str
) -> None:
    path = tmp_path / "sound.bin"
    path.write_bytes(b"no picture")
    look = here.recovery.look(path)
    assert not look.has_picture
    assert _outcome(here.recovery.conclude(path, look)) == (Answer.NOT_FOUND, Ground.NOTHING)
    known = look.verification
    reading = msgspec.structs.replace(known.reading, note=NO_REVOCATIONS)
    change = {"registered": None} if damaged == "entry" else {"reading": reading}
    look = replace(look, verification=msgspec.structs.replace(known, **change))
    assert _outcome(here.recovery.conclude(path, look)) == (Answer.CANNOT_TELL, Ground.NOT_SEARCHED)
