"""Voices end to end with a tiny model and synthesised speakers. Tests the mechanism, not accuracy on
people.
"""

from __future__ import annotations

import json
import wave
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from safelight.bootstrap import Container
from safelight.cases.consents import NewConsent, NewProtectedPerson
from safelight.cli import main
from safelight.cli.output import Exit
from safelight.core.errors import Conflict, InvalidField, InvalidMedia, SettingsError
from safelight.detectors.registry import DetectorRegistry, load_plugin
from safelight.policy.findings import Match, Modality, TimeRange
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.screening.evaluation import ScreeningContext, StageResult
from safelight.screening.reference import ReferenceInput
from safelight.settings import DPIA_HEADINGS, DPIA_VOICES, LikenessSettings, Settings
from safelight.store.tables import biometric_templates
from safelight.testing.speech import SpeechMissing, synthesize
from support.clips import RATE, hum, make_clip
from support.optional_tools import leave_out
from support.tiny_voice import voice_model

BASIS = "Explicit consent, Art. 9(2)(a) GDPR"
SENSIBLE = "\n\n".join(f"{heading}\n\nAs agreed." for heading in (*DPIA_HEADINGS, DPIA_VOICES))
HARBOUR = (
    "Good morning everybody, welcome to the harbour. The market opens at nine, bring a basket and a coat."
)
RIVER = "We walked along the river for an hour before the rain came, and then we ran all the way back to tea."
#: Two voices of the synthesiser that the tiny model distinguishes.
ANN, BEN = "en", "en+f3"
Samples = npt.NDArray[np.float32]


@cache
def policy_of(container: Container) -> TenantPolicy:
    return container.pipeline.policy_loader.load(container.persistence.tenant)


def speech(text: str, voice: str) -> Samples:
    try:
        return synthesize(text, voice=voice).at(RATE) * np.float32(0.6)
    except SpeechMissing as error:
        leave_out("espeak-ng", str(error))


def joined(*parts: Samples) -> Samples:
    pause = np.zeros(RATE, np.float32)
    return np.concatenate([part for one in parts for part in (pause, one)] + [pause])


def recording(path: Path, *parts: Samples) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((joined(*parts) * 32767).astype("<i2").tobytes())
    return path


def clip(path: Path, *parts: Samples) -> Path:
    sound = joined(*parts)
    return make_clip(path, frames=round(8 * sound.size / RATE), fps=8, sound=sound)


@pytest.fixture
def dpia(tmp_path: Path) -> Path:
    path = tmp_path / "dpia.md"
    path.write_text(SENSIBLE, encoding="utf-8")
    return path


Make = Callable[..., Container]


@pytest.fixture
def make(tmp_path: Path, dpia: Path) -> Iterator[Make]:
    """An installation with voice activity detection only."""
    made: list[Container] = []

    def installed(**voice: Any) -> Container:
        likeness: dict[str, Any] = {"enabled": True, "legal_basis": BASIS, "dpia": dpia}
        if voice:
            likeness["voice"] = {"protected_distance": 0.8, **voice}
        container = Container(
            Settings(
                data=tmp_path / "data",
                scan={"warm_workers": 0},  # type: ignore[arg-type]
                likeness=likeness,  # type: ignore[arg-type]
            )
        )
        container.core.detectors = DetectorRegistry([(load_plugin("vad"), {})])
        if not container.persistence.waivers.list(container.persistence.tenant):
            container.persistence.waivers.add(
                NewWaiver(
                    name="tests",
                    decided_by="a test",
                    reason="no model sees it",
                    categories=(EVERYTHING,),
                ),
                taxonomy=container.core.taxonomy,
            )
        made.append(container)
        return container

    yield installed
    for container in made:
        container.likeness.close_embedders()
        container.core.sandbox.close()
        container.persistence.database.close()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return voice_model(tmp_path / "voice.onnx")


@pytest.fixture
def container(make: Make, model: Path) -> Container:
    return make(model=model)


def scanned_result(container: Container, path: Path) -> StageResult:
    return container.pipeline.stages.scan_clip(path, policy_of(container))[0]


def protect(container: Container, path: Path, name: str = "Ann") -> str:
    return container.likeness.protected_people.add(
        container.persistence.tenant,
        NewProtectedPerson(
            name=name,
            recordings=[path],
            recorded_by="Ada",
        ),
    ).id


def consent(container: Container, path: Path) -> str:
    return container.likeness.consents.add(
        container.persistence.tenant,
        NewConsent(
            subject="Ann",
            scope=["voice"],
            recorded_by="Ada",
            evidence="a form",
            recordings=[path],
        ),
    ).id


def test_a_protected_voice_is_held_and_others_are_not(container: Container, tmp_path: Path) -> None:
    protected = protect(container, recording(tmp_path / "ann.wav", speech(HARBOUR, ANN)))
    held = scanned_result(container, clip(tmp_path / "both.mp4", speech(HARBOUR, BEN), speech(RIVER, ANN)))
    assert (held.verdict.action, held.verdict.rule) == (Action.HOLD, "lk-7")
    (finding,) = held.verdict.findings
    assert (finding.category, finding.modality) == ("likeness", Modality.AUDIO)
    assert finding.attributes == {"kind": "voice", "public_figure": False}
    (match,) = [one for one in finding.evidence if isinstance(one, Match)]
    assert (match.list, match.entry) == ("gallery", protected)
    times = [one for one in finding.evidence if isinstance(one, TimeRange)]
    second = 2 + speech(HARBOUR, BEN).size / RATE
    assert times
    assert all(second - 0.5 <= one.start_s for one in times)
    assert held.details["voices"] == {"compared_with": 1, "consents": []}
    fine = scanned_result(container, clip(tmp_path / "ben.mp4", speech(RIVER, BEN)))
    assert fine.verdict.action is Action.ALLOW
    cell = fine.coverage.cell("likeness", Modality.AUDIO)
    assert cell.measured == "voices: unmeasured, compared with 1 enrolled people"


def test_a_consent_covers_a_voice_only_while_it_is_valid_and_if_the_voice_is_alone(
    container: Container, tmp_path: Path
) -> None:
    file = recording(tmp_path / "ann.wav", speech(HARBOUR, ANN))
    protect(container, file)
    alone = clip(tmp_path / "alone.mp4", speech(HARBOUR, ANN))
    both = clip(tmp_path / "both.mp4", speech(HARBOUR, ANN), speech(HARBOUR, BEN))
    assert scanned_result(container, alone).verdict.rule == "lk-7"
    record = consent(container, file)
    allowed = scanned_result(container, alone)
    assert allowed.verdict.action is Action.ALLOW
    assert allowed.details["voices"] == {"compared_with": 2, "consents": [record]}
    (finding,) = [one for one in allowed.findings if one.category == "likeness"]
    assert Match(list="consents", entry=record) in finding.evidence
    assert scanned_result(container, both).verdict.rule == "lk-7"
    container.likeness.consents.revoke(container.persistence.tenant, record, revoked_by="Ann")
    assert scanned_result(container, alone).verdict.rule == "lk-7"


def test_a_reference_clip_of_a_request_is_compared_too(container: Container, tmp_path: Path) -> None:
    protect(container, recording(tmp_path / "ann.wav", speech(HARBOUR, ANN)))
    path = clip(tmp_path / "ann.mp4", speech(RIVER, ANN))
    file = ReferenceInput(path=path, field="input_reference", media_type="video/mp4", sha256="0" * 64)
    held = container.pipeline.stages.reference.screen((file,), ScreeningContext(policy=policy_of(container)))
    assert (held.verdict.action, held.verdict.rule) == (Action.HOLD, "lk-7")
    assert held.verdict.findings[0].attributes["source"] == "input_reference"
    cell = held.coverage.cell("likeness", Modality.AUDIO)
    assert "Spoken names are not checked in references" in cell.note
    assert not cell.complete


def test_no_voice_template_is_computed_if_it_is_off(make: Make, model: Path, tmp_path: Path) -> None:
    on = make(model=model)
    protect(on, recording(tmp_path / "ann.wav", speech(HARBOUR, ANN)))
    off = make()
    assert off.likeness.voice_matcher is None
    passed = scanned_result(off, clip(tmp_path / "ann.mp4", speech(RIVER, ANN)))
    assert passed.verdict.action is Action.ALLOW
    assert "voices" not in passed.details
    with pytest.raises(SettingsError, match=r"likeness\.voice\.model"):
        consent(off, tmp_path / "ann.wav")


def test_no_template_is_computed_without_enrolled_people(container: Container, tmp_path: Path) -> None:
    describer = container.likeness.voice_embedder
    describer.close()
    passed = scanned_result(container, clip(tmp_path / "ann.mp4", speech(RIVER, ANN)))
    assert "voices" not in passed.details
    assert describer._process._child is None


def test_a_template_that_cannot_be_decrypted_or_compared_is_a_gap(
    make: Make, model: Path, tmp_path: Path
) -> None:
    here = make(model=model)
    protect(here, recording(tmp_path / "ann.wav", speech(HARBOUR, ANN)))
    path = clip(tmp_path / "ann.mp4", speech(RIVER, ANN))

    def gap_reason(container: Container) -> str:
        cell = scanned_result(container, path).coverage.cell("likeness", Modality.AUDIO)
        assert (cell.available, cell.ran, cell.complete) == (True, False, False)
        return cell.note

    assert "another model" in gap_reason(make(model=model, framework="3d-speaker"))
    key = tmp_path / "data" / "keys" / "templates.key"
    right = key.read_bytes()
    key.write_bytes(b"k" * 32)
    assert "cannot be decrypted" in gap_reason(make(model=model))
    key.write_bytes(right)
    assert "invalid template" in gap_reason(_broken(make, tmp_path))


def _broken(make: Make, tmp_path: Path) -> Container:
    """An installation whose model returns NaN, with a person enrolled before."""
    one = make(model=voice_model(tmp_path / "nan.onnx", broken=True))
    assert one.likeness.voice_matcher is not None
    version = one.likeness.voice_matcher.embedder.version
    with one.persistence.database.transaction(one.persistence.tenant) as tx:
        row = tx.select(biometric_templates)[0]
        template = one.likeness.template_key.decrypt(
            row.ciphertext, f"{one.persistence.tenant}|{row.owner_id}|0|{row.model}"
        )
        assert template is not None
        ciphertext = one.likeness.template_key.encrypt(
            template, f"{one.persistence.tenant}|{row.owner_id}|0|{version}"
        )
        tx.update(
            biometric_templates,
            biometric_templates.c.owner_id == row.owner_id,
            model=version,
            ciphertext=ciphertext,
        )
    return one


@pytest.mark.parametrize(
    ("make_file", "said"),
    [
        (lambda path: recording(path, np.zeros(8 * RATE, np.float32)), r"0\.0 s of speech, minimum 6 s"),
        (lambda path: recording(path, hum(8.0)), "s of speech, minimum 6 s"),
        (lambda path: recording(path, speech(HARBOUR, ANN)[: 3 * RATE]), "minimum 6 s"),
        (lambda path: recording(path, speech(HARBOUR, ANN), speech(HARBOUR, BEN)), "more than one voice"),
        (lambda path: path.write_bytes(b"RIFF\x00\x00\x00\x00WAVE"), "cut off or damaged"),
        (lambda path: path.write_bytes(b"#!/bin/sh\n"), "not an audio file in a supported format"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: make_clip(path, frames=8), "no audio tracks"),
    ],
)
def test_a_failed_enrolment_gives_the_reason(
    container: Container, tmp_path: Path, make_file: Callable[[Path], object], said: str
) -> None:
    path = tmp_path / "given.wav"
    make_file(path)
    with pytest.raises(InvalidMedia, match=said):
        consent(container, path)
    assert container.likeness.consents.list(container.persistence.tenant) == ()
    assert list(container.persistence.scratch.iterdir()) == []


def test_a_truncated_recording_enrols_with_its_remaining_part(container: Container, tmp_path: Path) -> None:
    path = recording(tmp_path / "ann.wav", speech(HARBOUR, ANN), speech(RIVER, ANN))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 5])
    with pytest.raises(InvalidMedia, match="s of speech, minimum 6 s"):
        consent(container, path)
    path.write_bytes(whole[: len(whole) * 4 // 5])
    assert consent(container, path)


def test_the_sound_of_a_clip_enrols_like_a_recording(container: Container, tmp_path: Path) -> None:
    protect(container, clip(tmp_path / "ann.mp4", speech(HARBOUR, ANN)))
    with pytest.raises(Conflict):
        protect(container, tmp_path / "ann.mp4")
    assert scanned_result(container, clip(tmp_path / "again.mp4", speech(RIVER, ANN))).verdict.rule == "lk-7"


def test_recordings_need_the_scope_voice(container: Container, tmp_path: Path) -> None:
    with pytest.raises(InvalidField, match="only with the scope voice"):
        container.likeness.consents.add(
            container.persistence.tenant,
            NewConsent(
                subject="Ann",
                scope=["likeness"],
                recorded_by="Ada",
                evidence="a form",
                pictures=[tmp_path / "no.png"],
                recordings=[tmp_path / "no.wav"],
            ),
        )


@pytest.mark.parametrize("wrong", [{"banks": 40}, {"says": {}}])
def test_an_unsuitable_voice_model_stops_the_start(make: Make, tmp_path: Path, wrong: dict[str, Any]) -> None:
    one = make(model=voice_model(tmp_path / "wrong.onnx", **wrong))
    with pytest.raises(SettingsError, match=r"likeness\.voice\.model: wrong\.onnx") as refused:
        _stages = one.pipeline.stages
    assert "ValueError" not in refused.value.message


def test_the_settings_need_the_file_the_legal_basis_and_the_section_on_voices(
    dpia: Path, tmp_path: Path
) -> None:
    model = tmp_path / "voice.onnx"
    with pytest.raises(ValueError, match=r"only if likeness\.enabled is set"):
        LikenessSettings(voice={"model": model})  # type: ignore[arg-type]
    given: dict[str, Any] = {"enabled": True, "legal_basis": BASIS, "dpia": dpia, "voice": {"model": model}}
    with pytest.raises(ValueError, match="does not exist"):
        LikenessSettings(**given)
    model.write_bytes(b"")
    assert LikenessSettings(**given).voice.model == model
    dpia.write_text(SENSIBLE.replace(DPIA_VOICES, ""), encoding="utf-8")
    with pytest.raises(ValueError, match="lacks the section '## Voices'"):
        LikenessSettings(**given)
    with pytest.raises(ValueError, match="sha256"):
        LikenessSettings(voice={"sha256": "short"})  # type: ignore[arg-type]


def test_a_folder_is_scanned_again_when_enrolled_people_change(
    tmp_path: Path,
    dpia: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from PIL import Image

    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text(
        f'data = "{tmp_path / "data"}"\n[likeness]\nenabled = true\nlegal_basis = "{BASIS}"\n'
        f'dpia = "{dpia}"\n[likeness.voice]\nmodel = "{model}"\n'
        "[detectors]\nocr = false\nminilm = false\nnudenet = false\nfaces = false\nhate-symbols = false\n",
        encoding="utf-8",
    )
    (tmp_path / "seen").mkdir()
    Image.new("RGB", (64, 64), (90, 120, 150)).save(tmp_path / "seen" / "one.png")

    def unchanged() -> bool:
        main(["scan", "seen", "--json"])
        (row,) = json.loads(capsys.readouterr().out)["files"]
        return bool(row["unchanged"])

    file = str(recording(tmp_path / "ann.wav", speech(HARBOUR, ANN)))
    assert (unchanged(), unchanged()) == (False, True)
    assert main(["protected-people", "add", "Ann", "--recording", file, "--by", "Ada"]) == Exit.OK
    capsys.readouterr()
    assert (unchanged(), unchanged()) == (False, True)


def test_the_command_line_enrols_lists_and_removes_a_voice(
    tmp_path: Path,
    dpia: Path,
    model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = (
        f'data = "{tmp_path / "data"}"\n[likeness]\nenabled = true\nlegal_basis = "{BASIS}"\n'
        f'dpia = "{dpia}"\n[likeness.voice]\nmodel = "{model}"\n'
    )
    (tmp_path / "safelight.toml").write_text(settings, encoding="utf-8")

    def told(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out or "null")

    file = str(recording(tmp_path / "ann.wav", speech(HARBOUR, ANN)))
    who = ("--by", "Ada")
    code, added = told(
        "consents", "add", "Ann", "--scope", "voice", "--recording", file, "--evidence", "a form", *who
    )
    assert (code, added["scope"], added["templates"], added["voices"]) == (Exit.OK, ["voice"], 1, 1)
    code, guarded = told("protected-people", "add", "Ben", "--recording", file, *who)
    assert (code, guarded["voices"]) == (Exit.OK, 1)
    assert main(["protected-people", "list"]) == Exit.OK
    assert "0 pictures, 1 recordings" in capsys.readouterr().out
    assert told("consents", "revoke", added["id"], *who)[1]["templates"] == 0
    assert told("protected-people", "remove", "Ben", *who)[0] == Exit.OK
    assert main(["protected-people", "add", "Nobody", *who]) == Exit.ERROR
    assert "a picture or a recording" in capsys.readouterr().err

    def verified() -> Any:
        code, answer = told("models", "verify")
        return code, [one for one in answer["models"] if one["model"] == "likeness.voice"]

    code, [row] = verified()
    assert (code, row["recorded"], row["wrong"]) == (Exit.OK, False, "")
    pinned = f'{settings}sha256 = "{row["weights"]}"\n'
    (tmp_path / "safelight.toml").write_text(pinned, encoding="utf-8")
    assert verified()[0] == Exit.OK
    voice_model(model, says={"framework": "wespeaker", "comment": "another"})
    code, [row] = verified()
    assert (code, "does not have the hash" in row["wrong"]) == (Exit.ERROR, True)
    assert main(["consents", "add", "Ann", "--scope", "voice", "--recording", file, "--evidence", "x", *who])
    assert "does not have the configured sha256" in capsys.readouterr().err
    listed = told("models", "list")[1]["models"]
    assert [one["state"] for one in listed if one["name"] == "likeness.voice"] == ["on disk"]
