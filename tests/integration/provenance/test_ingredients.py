from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from c2pa import Builder, C2paSigningAlg, Context
from c2pa import Signer as C2paSigner
from PIL import Image

from safelight.errors import SandboxTimedOut
from safelight.provenance.keys import KeyStore
from safelight.provenance.manifest import Ingredient, ParentAction, Relationship, TrainingUse
from safelight.provenance.seal import MarkState
from safelight.provenance.sealing import Sealer, SealingOptions
from safelight.provenance.watermark_keys import WatermarkKeys
from safelight.provenance.watermark_service import WatermarkService
from safelight.sandbox.sandbox import Sandbox

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


def provider_file(source: Path, into: Path, keys: KeyStore) -> Path:
    """A file as a provider delivers it: with the provider's own manifest."""
    signing = keys.signing()
    definition = {
        "claim_version": 2,
        "claim_generator_info": [{"name": "Provider"}],
        "title": "provider.mp4",
        "assertions": [
            {
                "label": "c2pa.actions",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/"
                            "trainedAlgorithmicMedia",
                        }
                    ]
                },
            }
        ],
    }
    context = Context.from_dict({"trust": {"trust_anchors": keys.anchors_pem}})
    signer = C2paSigner.from_callback(signing.sign_claim, C2paSigningAlg.ES256, signing.chain_pem, None)
    with source.open("rb") as file, into.open("wb+") as signed:
        Builder.from_json(json.dumps(definition), context=context).sign(signer, "video/mp4", file, signed)
    return into


@pytest.fixture
def parent(sealer: Sealer, video: Path, facts: FactsMaker, tmp_path: Path) -> Path:
    path = tmp_path / "parent.mp4"
    sealer.seal(video, path, facts())
    return path


def test_an_edited_video_has_its_source_as_parent_with_the_whole_history(
    sealer: Sealer, video: Path, facts: FactsMaker, parent: Path, tmp_path: Path
) -> None:
    generations = [parent]
    for number in range(3):
        child = tmp_path / f"child-{number}.mp4"
        source = Ingredient(
            label="source", title="source", relationship=Relationship.PARENT, path=generations[-1]
        )
        sealer.seal(video, child, facts(badge=False, ingredients=(source,)))
        generations.append(child)

    state, active, manifests = read(generations[-1], sealer.trust_anchor_pem)
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
        Ingredient(
            label=f"reference-{number}",
            title=f"reference {number}",
            relationship=Relationship.INPUT,
            path=path,
        )
        for number, path in enumerate((picture, unknown))
    )
    sealed = tmp_path / "sealed.mp4"
    sealer.seal(video, sealed, facts(badge=False, ingredients=given))

    state, active, manifests = read(sealed, sealer.trust_anchor_pem)
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
    downloaded = provider_file(video, tmp_path / "downloaded.mp4", provider)
    found = Ingredient(
        label="generated",
        title="output of the generator",
        relationship=Relationship.PARENT,
        action=ParentAction.TRANSCODED,
        path=downloaded,
    )
    stored = tmp_path / "stored.c2pa"
    assert sealer.archive_ingredient(found, stored)
    downloaded.unlink()

    sealed = tmp_path / "sealed.mp4"
    archived = Ingredient(
        label="generated",
        title="output of the generator",
        relationship=Relationship.PARENT,
        action=ParentAction.TRANSCODED,
        path=stored,
        archived=True,
    )
    sealer.seal(video, sealed, facts(badge=False, ingredients=(archived,)))
    state, active, manifests = read(sealed, sealer.trust_anchor_pem)
    assert (state, len(manifests)) == ("Trusted", 2)
    assert [one["action"] for one in actions_of(active)] == ["c2pa.opened", "c2pa.transcoded"]
    [ingredient] = active["ingredients"]
    assert manifests[ingredient["active_manifest"]]["claim_generator_info"][0]["name"] == "Provider"
    failures = ingredient["validation_results"]["activeManifest"]["failure"]
    assert [one["code"] for one in failures] == ["signingCredential.untrusted"]

    both = read(sealed, sealer.trust_anchor_pem + provider.anchors_pem)
    assert both[0] == "Trusted"


def test_a_file_without_a_manifest_leaves_nothing_to_keep(
    sealer: Sealer, video: Path, tmp_path: Path
) -> None:
    found = Ingredient(label="generated", title="output", relationship=Relationship.PARENT, path=video)
    assert not sealer.archive_ingredient(found, tmp_path / "stored")


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
    source = Ingredient(label="source", title="source", relationship=Relationship.PARENT, path=parent)
    sealed = tmp_path / "sealed.mp4"
    sealer.seal(video, sealed, facts(badge=False, ingredients=(source,)))
    state, active, _ = read(sealed, sealer.trust_anchor_pem)
    assert state == "Trusted"
    assert active["ingredients"][0]["title"] == "source"


def test_the_operators_statement_on_training_is_in_the_manifest(
    sandbox: Sandbox, keys: KeyStore, video: Path, facts: FactsMaker, tmp_path: Path
) -> None:
    sealed = tmp_path / "sealed.mp4"
    options = SealingOptions(training=TrainingUse.NOT_ALLOWED)
    sealer = Sealer(sandbox=sandbox, keys=keys, options=options)
    sealer.seal(video, sealed, facts())
    state, active, _ = read(sealed, sealer.trust_anchor_pem)
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
        Ingredient(label=f"r-{number}", title=f"r {number}", relationship=Relationship.INPUT, path=path)
        for number, path in enumerate(paths)
    )
    marks = WatermarkService(sandbox=sandbox, keys=WatermarkKeys(tmp_path / "marks"), preset="ultrafast")
    sealer = Sealer(sandbox=sandbox, keys=keys, watermark=marks if has_mark else None)
    sealed = tmp_path / "sealed.mp4"
    seal = sealer.seal(video, sealed, facts(ingredients=given))
    state, active, manifests = read(sealed, sealer.trust_anchor_pem)
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
        Ingredient(label="a", title="source", relationship=Relationship.PARENT, path=parent),
        Ingredient(label="b", title="kept", relationship=Relationship.INPUT, path=parent, archived=True),
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
    given = (Ingredient(label="a", title="source", relationship=Relationship.PARENT, path=parent),)
    seal = sealer.seal(video, tmp_path / "sealed.mp4", facts(badge=False, ingredients=given))
    _state, _active, manifests = read(tmp_path / "sealed.mp4", keys.anchors_pem)
    assert len(manifests) == 2
    assert "ingredients" not in seal.facts


def test_seals_with_the_manifests_of_their_ingredients_say_nothing_about_them(
    sealer: Sealer, video: Path, facts: FactsMaker, parent: Path, tmp_path: Path
) -> None:
    source = Ingredient(label="a", title="source", relationship=Relationship.PARENT, path=parent)
    assert "ingredients" not in sealer.seal(video, tmp_path / "s.mp4", facts(ingredients=(source,))).facts
