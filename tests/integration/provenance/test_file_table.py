"""A table of files and what verification says about each, in three languages."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex
from safelight.provenance.keys import KeyStore
from safelight.provenance.manifest import Ingredient, ParentAction, Relationship
from safelight.provenance.models import SignerTrust
from safelight.provenance.recovery.conclusion import Answer, Ground
from safelight.provenance.recovery.public_answer import describe_answer, public_answer
from safelight.provenance.recovery.recovery import Recovery, RecoverySources
from safelight.provenance.revocations import Revocation
from safelight.provenance.sealing import Sealer, SealingOptions
from safelight.provenance.timestamping import Timestamper
from safelight.provenance.verification import Verifier, find_sidecar
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import WatermarkReader
from safelight.store.database import Database
from safelight.store.tables import videos
from safelight.videos.models import VideoState
from safelight.videos.registry import FingerprintStore, ProvenanceCheck, Registry
from safelight.videos.withdrawal import is_withdrawn
from safelight.web.console.verify_pages import describe_check, describe_verification
from safelight.web.translations import load_languages
from support.clips import remux
from support.sidecars import sign_elsewhere

from .test_sidecars import write_clip
from .timestamp_server import TimestampServer

DAY = dt.timedelta(days=1)
C2PA_BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")


@dataclass(frozen=True, kw_only=True)
class Kit:
    """What the files are made with. Each file of the table gets a folder of its own."""

    folder: Path
    sandbox: Sandbox
    keys: KeyStore
    foreign: KeyStore
    server: TimestampServer
    clip: Path
    facts: Callable[..., Any]

    def sealed(self, source: Path | None = None, **facts: Any) -> Path:
        return self._seal(self.keys, source or self.clip, None, facts)

    def dated(self, **facts: Any) -> Path:
        stamper = Timestamper(sandbox=self.sandbox, authority=self.server.authority)
        return self._seal(self.keys, self.clip, SealingOptions(timestamper=stamper), facts)

    def by_other(self) -> Path:
        other = KeyStore.own(self.folder / "other", organization="Test Films")
        return self._seal(other, self.clip, None, {})

    def signed_elsewhere(self, source: Path, kind: str, name: str) -> Path:
        """Signed by a foreign program."""
        signed = self.folder / name
        sign_elsewhere(source, signed, self.foreign, kind)
        return signed

    def changed(self, path: Path, change: Callable[[bytearray], None]) -> Path:
        data = bytearray(path.read_bytes())
        change(data)
        path.write_bytes(data)
        return path

    def picture(self, name: str) -> Path:
        path = self.folder / name
        pixels = np.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    def remuxed(self, path: Path) -> Path:
        return remux(path, self.folder / "remuxed.mp4")

    def revoked(self, path: Path, since: dt.timedelta) -> Path:
        entry = Revocation(serial=self.keys.signing().serial, since=dt.datetime.now(dt.UTC) + since)
        self.keys.revocations.add(entry)
        return path

    def _seal(self, keys: KeyStore, source: Path, options: SealingOptions | None, facts: Any) -> Path:
        into = self.folder / "sealed.mp4"
        Sealer(sandbox=self.sandbox, keys=keys, options=options).seal(source, into, self.facts(**facts))
        return into


def flip(after: bytes, offset: int) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        data[data.index(after) + offset] ^= 1

    return change


def cut(share: float) -> Callable[[bytearray], None]:
    def change(data: bytearray) -> None:
        del data[int(len(data) * share) :]

    return change


def transplanted(kit: Kit) -> Path:
    """The manifest of a file of ours, in another video: a forgery."""
    sealed = kit.sealed().read_bytes()
    start = sealed.index(C2PA_BOX) - 8
    box = sealed[start : start + int.from_bytes(sealed[start : start + 4], "big")]
    other = write_clip(kit.folder / "other.mp4", "mp4", "libx264").read_bytes()
    head = int.from_bytes(other[:4], "big")
    forged = kit.folder / "forged.mp4"
    forged.write_bytes(other[:head] + box + other[head:])
    return forged


def from_source(kit: Kit, source: Path) -> Path:
    own = source.rename(source.with_name("source.bin"))
    parent = Ingredient(label="source", title="source", relationship=Relationship.PARENT, path=own)
    return kit.sealed(badge=False, ingredients=(parent,))


def from_references(kit: Kit) -> Path:
    picture = kit.signed_elsewhere(kit.picture("a.png"), "image/png", "signed.png")
    inputs = tuple(
        Ingredient(label=f"r{number}", title="reference", relationship=Relationship.INPUT, path=picture)
        for number in range(3)
    )
    return kit.sealed(badge=False, ingredients=inputs)


def from_provider(kit: Kit) -> Path:
    provider = kit.signed_elsewhere(kit.clip, "video/mp4", "provider.mp4")
    parent = Ingredient(
        label="generated",
        title="output of the generator",
        relationship=Relationship.PARENT,
        action=ParentAction.TRANSCODED,
        path=provider,
    )
    return kit.sealed(badge=False, ingredients=(parent,))


def nested(kit: Kit) -> Path:
    path = kit.sealed()
    for _ in range(6):
        path = from_source(kit, path)
    return path


def beside(kit: Kit) -> Path:
    clip = write_clip(kit.folder / "clip.bin", "webm", "libvpx")
    signed = clip.with_name("clip.video")
    manifest = sign_elsewhere(clip, signed, kit.keys, "video/webm", embeds=False)
    signed.with_suffix(".c2pa").write_bytes(manifest)
    return signed


def text(kit: Kit, content: bytes) -> Path:
    path = kit.folder / "file.mp4"
    path.write_bytes(content)
    return path


OURS = "This video was sealed by this service on 20 November 2026. Its picture and sound have not been"
CHANGED = "The video was changed after it was sealed."
DAMAGED = "The manifest of this video was changed or damaged."
UNKNOWN = (
    "The manifest of this video is valid: picture and sound were not changed since it was sealed. But its"
)
REVOKED = "This video was not changed since it was sealed, but the certificate of the seal is revoked since"
NONE = "No manifest: ordinary tools remove it"
NO_PLACE = "No manifest: this file type cannot contain one. "

#: Name, file, state, who signed it, and how the answer begins.
TABLE: list[tuple[str, Callable[[Kit], Path], str, str, str]] = [
    ("ours", lambda kit: kit.sealed(), "trusted", "own", OURS),
    ("ours, released by a reviewer", lambda kit: kit.sealed(reviewed=True), "trusted", "own", OURS),
    (
        "ours under another name",
        lambda kit: kit.sealed().rename(kit.folder / "x.bin"),
        "trusted",
        "own",
        OURS,
    ),
    ("derived six times", nested, "trusted", "own", OURS),
    (
        "derived from a stripped file of ours",
        lambda kit: from_source(kit, kit.remuxed(kit.sealed())),
        "trusted",
        "own",
        OURS,
    ),
    ("made with foreign references", from_references, "trusted", "own", OURS),
    ("made from a provider's file", from_provider, "trusted", "own", OURS),
    (
        "derived from a changed file of ours",
        lambda kit: from_source(kit, kit.changed(kit.sealed(), flip(b"mdat", 500))),
        "trusted",
        "own",
        OURS,
    ),
    ("a frame changed", lambda kit: kit.changed(kit.sealed(), flip(b"mdat", 500)), "invalid", "", CHANGED),
    ("an index changed", lambda kit: kit.changed(kit.sealed(), flip(b"moov", 40)), "invalid", "", CHANGED),
    (
        "an entry of the manifest changed",
        lambda kit: kit.changed(kit.sealed(), flip(b"jumdcbor", 80)),
        "invalid",
        "",
        DAMAGED,
    ),
    (
        "the verdict rewritten",
        lambda kit: kit.changed(
            kit.sealed(), lambda data: data.__setitem__(slice(None), data.replace(b"likeness", b"harmless"))
        ),
        "invalid",
        "",
        DAMAGED,
    ),
    ("a manifest of ours in another video", transplanted, "invalid", "", CHANGED),
    ("another installation with our name", lambda kit: kit.by_other(), "valid", "", UNKNOWN),
    (
        "foreign, on the operator's list",
        lambda kit: kit.signed_elsewhere(kit.clip, "video/mp4", "foreign.mp4"),
        "trusted",
        "configured",
        "This video was sealed",
    ),
    (
        "a foreign PNG on the operator's list",
        lambda kit: kit.signed_elsewhere(kit.picture("a.png"), "image/png", "b.png"),
        "trusted",
        "configured",
        "This file was sealed",
    ),
    (
        "a foreign PNG, changed",
        lambda kit: kit.changed(
            kit.signed_elsewhere(kit.picture("a.png"), "image/png", "b.png"), flip(b"IDAT", 40)
        ),
        "invalid",
        "",
        "The file was changed after it was sealed.",
    ),
    ("revoked", lambda kit: kit.revoked(kit.sealed(), -DAY), "valid", "", REVOKED),
    (
        "revoked later, without a confirmed time",
        lambda kit: kit.revoked(kit.sealed(), DAY),
        "valid",
        "",
        REVOKED,
    ),
    (
        "revoked later, with one",
        lambda kit: kit.revoked(kit.dated(), DAY),
        "trusted",
        "own",
        "This video was",
    ),
    ("revoked before, with one", lambda kit: kit.revoked(kit.dated(), -DAY), "valid", "", REVOKED),
    (
        "WebM with a manifest beside",
        beside,
        "trusted",
        "own",
        "This video",
    ),
    ("WebM alone", lambda kit: write_clip(kit.folder / "a.webm", "webm", "libvpx"), "absent", "", NO_PLACE),
    ("never sealed", lambda kit: kit.clip, "absent", "", NONE),
    ("ours, in a new container", lambda kit: kit.remuxed(kit.sealed()), "absent", "", NONE),
    ("a picture", lambda kit: kit.picture("a.png"), "absent", "", NONE),
    ("a text", lambda kit: text(kit, b"just a text"), "absent", "", NO_PLACE),
    ("an empty file", lambda kit: text(kit, b""), "absent", "", NO_PLACE),
    (
        "not really an MP4",
        lambda kit: text(kit, b"\0\0\0\x18ftypmp42" + b"\xff" * 400),
        "unreadable",
        "",
        "The video could not be read",
    ),
    ("ours, cut in the manifest", lambda kit: kit.changed(kit.sealed(), cut(0.02)), "invalid", "", DAMAGED),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimestampServer]:
    made = TimestampServer(tmp_path_factory.mktemp("authority"))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("make", "state", "signer", "answer"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_each_file_gets_the_right_answer_in_three_languages(
    make: Callable[[Kit], Path],
    state: str,
    signer: str,
    answer: str,
    sandbox: Sandbox,
    server: TimestampServer,
    video: Path,
    facts: Callable[..., Any],
    tmp_path: Path,
) -> None:
    keys = KeyStore.own(tmp_path / "keys", organization="Test Films")
    foreign = KeyStore.own(tmp_path / "foreign", organization="Elsewhere")
    keys.signing()
    foreign.signing()
    kit = Kit(
        folder=tmp_path, sandbox=sandbox, keys=keys, foreign=foreign, server=server, clip=video, facts=facts
    )
    path = make(kit)
    verifier = Verifier(
        sandbox=sandbox,
        keys=keys,
        trust_pem=foreign.anchors_pem,
        timestamp_pem=server.authority.anchors_pem,
    )
    found = verifier.verify(path, sidecar=find_sidecar(path))
    assert (found.state.value, found.reading.trusted_by if state == "trusted" else "") == (state, signer)
    assert (found.signer is SignerTrust.UNKNOWN) == (signer == "")
    assert found.answer.startswith(answer)
    assert (found.video_id != "") == (signer == "own" and not found.reading.in_sidecar)
    for tag in ("zh-Hant", "zh-Hans"):
        page = describe_verification(found, load_languages()[tag])
        proofs = [text for one in page.proofs for text in (one.claims, one.proves, one.does_not_prove)]
        for told in (page.sentence, *proofs):
            names = r"“[^”]*”|「[^」]*」|Test Films|Elsewhere|Stranger|SynthID|[\w.]+\.\w+"
            assert not re.search("[A-Za-z]{3}", re.sub(names, "", told)), told
    page = describe_verification(found, load_languages()["en"])
    assert page.sentence == found.answer
    assert [one.claims for one in page.proofs] == [one.says for one in found.evidence]


#: The columns of a video that this test does not need.
VIDEO: dict[str, Any] = {
    "created_at": 1.0,
    "updated_at": 1.0,
    "principal_id": "p",
    "model": "m",
    "generator": "g",
    "prompt": "x",
    "seconds": 4,
    "width": 1,
    "height": 1,
    "request": b"{}",
    "request_sha256": "0",
    "stage": "delivery",
}


@pytest.mark.parametrize(
    "state", [VideoState.DELIVERED, VideoState.WITHDRAWN], ids=["delivered", "withdrawn"]
)
@pytest.mark.parametrize(
    ("added", "ground"),
    [(b"", Ground.EXACT_FILE), ((8).to_bytes(4, "big") + b"free", Ground.MANIFEST)],
    ids=["its bytes", "its manifest"],
)
def test_a_file_of_a_withdrawn_video_is_from_here_and_says_so_in_three_languages(
    added: bytes,
    ground: Ground,
    state: VideoState,
    sandbox: Sandbox,
    database: Database,
    video: Path,
    facts: Callable[..., Any],
    tmp_path: Path,
) -> None:
    keys, path = KeyStore.own(tmp_path / "keys", organization="Test Films"), tmp_path / "sealed.mp4"
    seal = Sealer(sandbox=sandbox, keys=keys).seal(video, path, facts())
    with database.transaction("tenant_a") as tx:
        Registry(database).record(tx, seal)
        tx.insert(videos, id=seal.video_id, state=state.value, sealed_sha256=seal.sha256, **VIDEO)
    path.write_bytes(path.read_bytes() + added)
    fingerprints = FingerprintStore(database)
    recovery = Recovery(
        sandbox=sandbox,
        verifier=Verifier(sandbox=sandbox, keys=keys),
        reader=WatermarkReader(sandbox=sandbox, keys=WatermarkKeys(tmp_path / "watermark")),
        sources=RecoverySources(
            registry=Registry(database),
            fingerprints=fingerprints,
            index=FingerprintIndex(fingerprints),
            is_withdrawn=lambda video_id: is_withdrawn(database, video_id),
        ),
    )
    recovered = recovery.recover(path)
    found, withdrawn = public_answer(recovered), state is VideoState.WITHDRAWN
    assert (found.answer, found.ground, found.withdrawn) == (Answer.UNCHANGED, ground, withdrawn)
    check = ProvenanceCheck(public=found, issuer="Test Films", verification=recovered.verification)
    for tag, sentence in (("en", "withdrawn"), ("zh-Hant", "撤回"), ("zh-Hans", "撤回")):
        assert (sentence in describe_answer(found, "Test Films", tag)) == withdrawn
        assert (sentence in describe_check(check, load_languages()[tag]).sentence) == withdrawn
