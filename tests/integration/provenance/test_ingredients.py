from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from safelight.core.errors import SandboxTimedOut
from safelight.media.sandbox.sandbox import Sandbox
from safelight.provenance.keys import KeyStore
from safelight.provenance.manifest import Ingredient, ParentAction, Relationship, TrainingUse
from safelight.provenance.seal import MarkState
from safelight.provenance.sealing import Sealer, SealingOptions
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import WatermarkService
from support.sidecars import sign_elsewhere

from .conftest import FactsMaker
from .test_sealing import read_with_c2pa_itself


def read(path: Path, anchors: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The validation state, the active manifest and all manifests, read by the library without our code."""
    store = json.loads(read_with_c2pa_itself(path, anchors).json())
    manifests: dict[str, Any] = store["manifests"]
    return store["validation_state"], manifests[store["active_manifest"]], manifests


def actions_of(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(
        one["data"]["actions"] for one in manifest["assertions"] if one["label"] == "c2pa.actions.v2"
    )
    return found


@pytest.fixture
def parent(sealed: Path) -> Path:
    return sealed.rename(sealed.with_name("parent.mp4"))


def source_of(path: Path, **fields: Any) -> Ingredient:
    given = {"label": "source", "title": "source", "relationship": Relationship.PARENT, **fields}
    return Ingredient(path=path, **given)


def test_an_edited_video_has_its_source_as_parent_with_the_whole_history(
    sealer: Sealer, video: Path, facts: FactsMaker, parent: Path, tmp_path: Path
) -> None:
    generations = [parent]
    for number in range(3):
        child = tmp_path / f"child-{number}.mp4"
        sealer.seal(video, child, facts(badge=False, ingredients=(source_of(generations[-1]),)))
        generations.append(child)

    state, active, manifests = read(generations[-1], sealer._keys.create_anchors_pem())
    assert state == "Trusted"
    assert len(manifests) == 4
    assert [one["action"] for one in actions_of(active)] == ["c2pa.opened", "c2pa.edited"]
    assert actions_of(active)[1]["digitalSourceType"].endswith("algorithmicMedia")
    [ingredient] = active["ingredients"]
    assert ingredient["relationship"] == "parentOf"
    results = ingredient["validation_results"]["activeManifest"]
    assert results["failure"] == []
    assert "signingCredential.trusted" in [one["code"] for one in results["success"]]


def test_references_are_inputs_and_contain_no_picture_of_them(
    sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    picture = tmp_path / "reference.png"
    Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8)).save(picture)
    unknown = tmp_path / "reference.webm"
    unknown.write_bytes(b"\x1aE\xdf\xa3 not a format that can have a manifest")
    given = tuple(
        source_of(
            path,
            label=f"reference-{number}",
            title=f"reference {number}",
            relationship=Relationship.INPUT,
        )
        for number, path in enumerate((picture, unknown))
    )
    sealed = tmp_path / "sealed.mp4"
    sealer.seal(video, sealed, facts(badge=False, ingredients=given))

    state, active, manifests = read(sealed, sealer._keys.create_anchors_pem())
    assert (state, len(manifests)) == ("Trusted", 1)
    [created] = actions_of(active)
    assert created["action"] == "c2pa.created"
    assert len(created["parameters"]["ingredients"]) == 2
    assert sorted(one["title"] for one in active["ingredients"]) == ["reference 0", "reference 1"]
    assert {one["relationship"] for one in active["ingredients"]} == {"inputTo"}
    assert "thumbnail" not in json.dumps(active)


def test_the_manifest_of_a_provider_is_kept_after_its_file_was_converted(
    sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    provider = KeyStore.own(tmp_path / "provider-keys", organization="Provider")
    downloaded, stored = tmp_path / "downloaded.mp4", tmp_path / "stored.c2pa"
    sign_elsewhere(video, downloaded, provider)
    found = Ingredient(
        label="generated",
        title="output of the generator",
        relationship=Relationship.PARENT,
        action=ParentAction.TRANSCODED,
        path=downloaded,
    )
    assert not sealer.archive_ingredient(replace(found, path=video), stored), "it has no manifest"
    assert sealer.archive_ingredient(found, stored)
    downloaded.unlink()

    sealed = tmp_path / "sealed.mp4"
    archived = replace(found, path=stored, archived=True)
    sealer.seal(video, sealed, facts(badge=False, ingredients=(archived,)))
    state, active, manifests = read(sealed, sealer._keys.create_anchors_pem())
    assert (state, len(manifests)) == ("Trusted", 2)
    assert [one["action"] for one in actions_of(active)] == ["c2pa.opened", "c2pa.transcoded"]
    [ingredient] = active["ingredients"]
    assert manifests[ingredient["active_manifest"]]["claim_generator_info"][0]["name"] == "Elsewhere"
    failures = ingredient["validation_results"]["activeManifest"]["failure"]
    assert [one["code"] for one in failures] == ["signingCredential.untrusted"]

    both = read(sealed, sealer._keys.create_anchors_pem() + provider.anchors_pem)
    assert both[0] == "Trusted"


@pytest.mark.parametrize("damage", ["claim", "cut"])
def test_a_damaged_manifest_of_an_ingredient_does_not_stop_the_seal(
    damage: str, sealer: Sealer, video: Path, facts: FactsMaker, parent: Path, tmp_path: Path
) -> None:
    data = bytearray(parent.read_bytes())
    if damage == "claim":
        start = data.index(b"safelight.verdict") + 40
        data[start : start + 64] = bytes(64)
    else:
        del data[data.index(b"jumdc2pa") + 100 :]
    parent.write_bytes(data)
    sealed = tmp_path / "sealed.mp4"
    sealer.seal(video, sealed, facts(badge=False, ingredients=(source_of(parent),)))
    state, active, _ = read(sealed, sealer._keys.create_anchors_pem())
    assert state == "Trusted"
    assert active["ingredients"][0]["title"] == "source"


def test_the_operators_statement_on_training_is_in_the_manifest(
    sandbox: Sandbox, keys: KeyStore, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    sealed = tmp_path / "sealed.mp4"
    options = SealingOptions(training=TrainingUse.NOT_ALLOWED)
    sealer = Sealer(sandbox=sandbox, keys=keys, options=options)
    sealer.seal(video, sealed, facts())
    state, active, _ = read(sealed, sealer._keys.create_anchors_pem())
    assert state == "Trusted"
    stated = {one["label"]: one["data"] for one in active["assertions"]}["cawg.training-mining"]
    assert stated["entries"]["cawg.ai_generative_training"] == {"use": "notAllowed"}


def _damaged_twin(sealed: Path, into: Path) -> Path:
    """The same file, with one changed bit in an assertion: another manifest under the same name."""
    data = bytearray(sealed.read_bytes())
    data[data.index(b"likeness")] ^= 1
    into.write_bytes(data)
    return into


@pytest.mark.parametrize("has_mark", [False, True])
def test_two_ingredients_that_contradict_each_other_cost_their_manifests_and_not_the_video(
    has_mark: bool,
    sandbox: Sandbox,
    keys: KeyStore,
    video: Path,
    facts: FactsMaker,
    parent: Path,
    tmp_path: Path,
) -> None:
    paths = (_damaged_twin(parent, tmp_path / "twin.mp4"), parent)
    given = tuple(
        source_of(path, label=f"r-{number}", title=f"r {number}", relationship=Relationship.INPUT)
        for number, path in enumerate(paths)
    )
    marks = WatermarkService(sandbox=sandbox, keys=WatermarkKeys(tmp_path / "marks"), preset="ultrafast")
    sealer = Sealer(sandbox=sandbox, keys=keys, watermark=marks if has_mark else None)
    sealed = tmp_path / "sealed.mp4"
    seal = sealer.seal(video, sealed, facts(ingredients=given))
    state, active, manifests = read(sealed, sealer._keys.create_anchors_pem())
    assert (state, len(manifests)) == ("Trusted", 1)
    assert [one["title"] for one in active["ingredients"]] == ["r 0", "r 1"]
    assert seal.facts["ingredients"] == "titles only"
    assert seal.mark.state is not MarkState.FAILED


class FailingSandbox:
    """A sandbox whose child ends when it opens the file of an ingredient; all other calls are real."""

    def __init__(self, sandbox: Sandbox, *, failures: int = 1000) -> None:
        self._sandbox = sandbox
        self._failures = failures

    def run(self, entry: Any, argument: Any = None, **options: Any) -> Any:
        if self._failures and any(not one["name_only"] for one in argument["ingredients"]):
            self._failures -= 1
            raise SandboxTimedOut("late")
        return self._sandbox.run(entry, argument, **options)


def test_an_ingredient_that_ends_the_child_does_not_cost_the_video(
    sandbox: Sandbox, keys: KeyStore, video: Path, facts: FactsMaker, parent: Path, tmp_path: Path
) -> None:
    sealer = Sealer(sandbox=FailingSandbox(sandbox), keys=keys)  # type: ignore[arg-type]
    given = (
        source_of(parent),
        source_of(parent, label="b", title="kept", relationship=Relationship.INPUT, archived=True),
    )
    seal = sealer.seal(video, tmp_path / "sealed.mp4", facts(badge=False, ingredients=given))
    state, active, manifests = read(tmp_path / "sealed.mp4", keys.anchors_pem)
    assert (state, len(manifests), len(active["ingredients"])) == ("Trusted", 1, 2)
    assert seal.facts["ingredients"] == "titles only"


def test_one_failure_of_the_child_costs_no_manifest(
    sandbox: Sandbox,
    keys: KeyStore,
    video: Path,
    facts: FactsMaker,
    parent: Path,
    tmp_path: Path,
) -> None:
    sealer = Sealer(sandbox=FailingSandbox(sandbox, failures=1), keys=keys)  # type: ignore[arg-type]
    given = (source_of(parent),)
    seal = sealer.seal(video, tmp_path / "sealed.mp4", facts(badge=False, ingredients=given))
    _state, _active, manifests = read(tmp_path / "sealed.mp4", keys.anchors_pem)
    assert len(manifests) == 2
    assert "ingredients" not in seal.facts
