"""A stand-in for the sandbox that marks and seals the tiny clip without encoding it or starting a process."""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

from .clips import tiny_clip

#: The type of a box that players skip, and what its content begins with.
_BOX = b"freesafelight.testing.media "
#: The only data that a signing key of Safelight signs begins with this.
_CLAIM = b"\x84\x6aSignature1"


def without_box(data: bytes) -> bytes:
    """The file without the box that `FakeMedia` adds."""
    start = data.rfind(_BOX)
    return data if start < 0 else data[: start - 4]


class FakeMedia:
    """Wraps a sandbox. The tiny clip gets a box with its mark and its manifest; the rest is the sandbox's.

    The manifest is signed with the key of the installation, but it is not C2PA: verifiers find none.
    """

    def __init__(self, sandbox: Any) -> None:
        self._sandbox = sandbox
        self._fakes = {
            "safelight.provenance.watermark.clip_marking.mark_in_child": self._mark,
            "safelight.provenance.watermark.clip_marking.search_in_child": self._search,
            "safelight.provenance.worker.seal": self._seal,
        }

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sandbox, name)

    def run(self, entry_point: Any, argument: Any = None, **options: Any) -> Any:
        """As `Sandbox.run`."""
        fake = self._fakes.get(f"{entry_point.module}.{entry_point.function}")
        cancel = getattr(options.get("hooks"), "cancel", None)
        answer = None
        if fake is not None and not (cancel is not None and cancel.is_set()):
            path = Path(argument["source"])
            data = path.read_bytes() if path.is_file() else b""
            if (clip := without_box(data)) == tiny_clip():
                box = json.loads(data[len(clip) + 4 + len(_BOX) :] or b"{}")
                answer = fake(entry_point, argument, options, box)
        return self._sandbox.run(entry_point, argument, **options) if answer is None else answer

    def _mark(self, _entry_point: Any, task: Any, _options: Any, _box: Any) -> dict[str, Any]:
        _write(task, {"content_id": task["content_id"], "seed": _name(task["seed"])})
        return {"strength": {"factor": 1.0, "can_be_stronger": False}}

    def _search(self, _entry_point: Any, task: Any, _options: Any, box: Any) -> dict[str, Any] | None:
        seeds = [_name(seed) for seed in task["seeds"]]
        if box.get("seed") not in seeds:
            return None
        return {"content_id": box["content_id"], "seed": seeds.index(box["seed"])}

    def _seal(self, entry_point: Any, task: Any, options: Any, box: Any) -> dict[str, Any]:
        signature = options["hooks"].signer(_CLAIM + hashlib.sha256(task["manifest"].encode()).digest())
        manifest_id = f"urn:c2pa:{uuid.uuid4()}"
        sealed = {"id": manifest_id, "manifest": task["manifest"], "signature": signature.hex()}
        _write(task, {**box, **sealed})
        source = Path(task["source"])
        fingerprint = type(entry_point)(entry_point.module, "fingerprint")
        is_marked = task["seed"] is not None and box.get("seed") == _name(task["seed"])
        return {
            "manifest": json.dumps(sealed).encode(),
            "manifest_id": manifest_id,
            "state": "Trusted",
            "content_id": box["content_id"] if is_marked else None,
            "fingerprint": self._sandbox.run(fingerprint, {"path": str(source)}, reads=[source]),
        }


def _name(seed: bytes) -> str:
    return hashlib.sha256(seed).hexdigest()


def _write(task: Any, box: dict[str, Any]) -> None:
    content = _BOX + json.dumps(box).encode()
    Path(task["into"]).write_bytes(tiny_clip() + (4 + len(content)).to_bytes(4, "big") + content)
