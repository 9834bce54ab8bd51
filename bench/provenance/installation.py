"""An installation with sealed clips, for measurements that ask for the origin of real files."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from bench.seal import FACTS
from safelight.core.fileio import append_line
from safelight.media.sandbox.confinement import Limits
from safelight.media.sandbox.entrypoints import EntryPoint
from safelight.media.sandbox.sandbox import Sandbox
from safelight.policy.statistics import wilson
from safelight.provenance import sealing
from safelight.provenance.fingerprints.fingerprint_index import FingerprintIndex
from safelight.provenance.keys import KeyStore
from safelight.provenance.recovery.conclusion import Ground
from safelight.provenance.recovery.recovery import Recovered, Recovery, RecoverySources
from safelight.provenance.seal import Seal
from safelight.provenance.sealing import Sealer
from safelight.provenance.verification import Verifier
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import WatermarkReader, WatermarkService
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.videos.registry import FingerprintStore, ProvenanceChecks, Registry
from safelight_lab.evaluation.provenance_eval import EvaluatedClip

ISSUER = "Bench"
#: A limit for children that wait for something, in seconds.
_MAX_WALL_S = 1800.0


@dataclass(frozen=True, kw_only=True)
class SealedClip:
    """A clip as it was delivered."""

    clip: EvaluatedClip
    path: Path
    seal: Seal


class PatientSandbox(Sandbox):
    """Children end by their processor time only: measurements run beside other work."""

    def run(
        self, entry_point: EntryPoint, argument: Any = None, *, limits: Limits | None = None, **named: Any
    ) -> Any:
        limits = msgspec.structs.replace(limits or self.limits, wall_s=_MAX_WALL_S)
        return super().run(entry_point, argument, limits=limits, **named)


class Installation:
    """Seals clips once, and keeps them and its database in a folder, so that a measurement can go on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sandbox = PatientSandbox()
        keys = KeyStore.own(folder / "keys", organization=ISSUER)
        self.watermark_keys = WatermarkKeys(folder / "watermark")
        marks = WatermarkService(sandbox=self._sandbox, keys=self.watermark_keys, preset="veryfast")
        self._sealer = Sealer(sandbox=self._sandbox, keys=keys, watermark=marks)
        self._database = Database(f"sqlite:///{folder / 'safelight.db'}")
        migrate(self._database)
        self.registry, fingerprints = Registry(self._database), FingerprintStore(self._database)
        self.recovery = Recovery(
            sandbox=self._sandbox,
            verifier=Verifier(sandbox=self._sandbox, keys=keys),
            reader=WatermarkReader(sandbox=self._sandbox, keys=self.watermark_keys),
            sources=RecoverySources(
                registry=self.registry,
                fingerprints=fingerprints,
                index=FingerprintIndex(fingerprints),
                is_withdrawn=lambda _video_id: False,
            ),
        )

    def checks(self) -> ProvenanceChecks:
        """What a stranger asks."""
        return ProvenanceChecks(
            recovery=self.recovery,
            registry=self.registry,
            database=self._database,
            is_withdrawn=lambda _video_id: False,
            has_delivered=lambda _tenant, _video_id: False,
            issuer=ISSUER,
        )

    def seal(self, clip: EvaluatedClip) -> SealedClip:
        """The delivered file of a clip."""
        video_id = f"video_{clip.sha256[:32]}"
        path = self._folder / f"{video_id}.mp4"
        if (known := self.registry.by_video_id(video_id)) is None:
            known = self._sealer.seal(clip.path, path, replace(FACTS, video_id=video_id))
            with self._database.transaction("bench") as tx:
                self.registry.record(tx, known)
        return SealedClip(clip=clip, path=path, seal=known)

    def close(self) -> None:
        self._database.close()
        self._sandbox.close()


def is_marked(ground: Ground) -> bool:
    """Whether a watermark was read, whatever the picture shows."""
    return ground in (Ground.MARK_AND_PICTURE, Ground.MARK_NOT_COMPARED, Ground.MARK_COPIED)


def describe_recovery(found: Recovered, sealed: SealedClip | None) -> dict[str, Any]:
    """The answer about a file, and whether it names this sealed clip."""
    return {
        "answer": found.conclusion.answer.value,
        "ground": found.conclusion.ground.value,
        "right": sealed is not None and found.source_video == sealed.seal.video_id,
    }


class Results:
    """Rows of a measurement in a file, one for each key: a stopped measurement goes on."""

    def __init__(self, path: Path, sources: Iterable[Path]) -> None:
        self._path = path
        self.code = hashlib.sha256(b"".join(one.read_bytes() for one in sorted(sources))).hexdigest()
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        found = [row for row in map(json.loads, lines) if row["code"] == self.code]
        self._rows: dict[str, dict[str, Any]] = {row["key"]: row for row in found}

    def measure(self, key: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The row of this key. `work` is done only if there is none."""
        if key not in self._rows:
            started = time.monotonic()
            row = {"key": key, **work(), "seconds": round(time.monotonic() - started, 1), "code": self.code}
            self._rows[key] = row
            append_line(self._path, json.dumps(row).encode())
            print(json.dumps(row), flush=True)
        return self._rows[key]


def measured_code(*modules: Any) -> list[Path]:
    """The files of the watermark, of the recovery and of these modules: rows of other code do not count."""
    folder = Path(sealing.__file__).parent
    packages = ("watermark", "recovery", "fingerprints")
    files = [path for one in packages for path in sorted((folder / one).glob("*.py"))]
    return [*files, *(Path(str(one.__file__)) for one in modules)]


def share(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """How many rows have `name`, with Wilson's interval of the share."""
    hits = sum(bool(row[name]) for row in rows)
    return {"n": len(rows), name: hits, "interval": [round(end, 3) for end in wilson(hits, len(rows))]}
