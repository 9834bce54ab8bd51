"""What a check leaves behind, and what it takes: a line in the log, and one probe."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.cli.demo import operator
from safelight.core.errors import CheckLimitExceeded, InvalidMedia
from safelight.policy.findings import SHIPPED, Modality
from safelight.policy.verdicts import Action
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.providers.advice.check_result import CheckResult, Price
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.protocol import Billing, Generator, GeneratorInfo
from safelight.store import tables
from safelight.testing.clips import write_plain_clip
from safelight.videos.requests.request import CreateRequest
from safelight.web.api.checks import check_object
from safelight.web.console.check_view import check_view
from safelight.web.translations import load_languages
from support.clips import make_clip, upload_of
from support.house import CALM_SCAN

PROMPT = "a quiet harbour, SAFELIGHT-TEST:violence"


@pytest.fixture
def container(tmp_path: Path) -> Container:
    return furnish(tmp_path, reference_timeout_s=30)


def furnish(folder: Path, *, reference_timeout_s: float) -> Container:
    container = Container(
        Settings(  # type: ignore[arg-type]
            data=folder / "data",
            detectors={"minilm": False},
            limits={"checks_per_hour": 3},
            scan={**CALM_SCAN, "reference_timeout_s": reference_timeout_s},
        )
    )
    waiver = NewWaiver(name="tests", decided_by="a test", reason="no model", categories=(EVERYTHING,))
    container.persistence.waivers.add(waiver, taxonomy=container.core.taxonomy)
    return container


def test_a_check_leaves_only_an_audit_entry_without_the_prompt(container: Container) -> None:
    who = operator(container)
    found, admitted, price = container.checks.check(who, CreateRequest(prompt=PROMPT))
    assert (found.action, admitted.generator, price.usd) == (Action.BLOCK, "storyboard", 0.0)
    assert container.videos.list(who, after=None, limit=10, order="desc").items == ()
    with container.persistence.database.read_transaction(who.tenant) as tx:
        rows = tx.select(tables.audit_log)
    (made,) = [row for row in rows if row.event == "check.made"]
    assert made.actor == who.id
    assert "harbour" not in repr(made)
    assert not list(container.persistence.data_directory.scratch.iterdir())


def with_reference(path: Path, prompt: str = "a quiet harbour") -> CreateRequest:
    return CreateRequest(prompt=prompt, uploads=(upload_of(path),))


def checked(container: Container, request: CreateRequest) -> tuple[CheckResult, dict[str, Any]]:
    found, admitted, price = container.checks.check(operator(container), request)
    return found, check_object(found, admitted, price, SHIPPED, load_languages()["en"])


def test_a_short_clip_in_a_check_is_judged(tmp_path: Path) -> None:
    container = furnish(tmp_path, reference_timeout_s=0.001)
    found, wire = checked(container, with_reference(make_clip(tmp_path / "clip.mp4", frames=4)))
    assert (wire["verdict"], wire["not_checked"]) == ("allow", [])
    assert Modality.FRAMES in {cell.modality for cell in found.coverage if cell.ran}


def test_a_file_that_only_looks_like_a_clip_is_refused(container: Container, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(64))
    with pytest.raises(InvalidMedia) as refused:
        checked(container, with_reference(tmp_path / "clip.mp4"))
    assert refused.value.param == "input_reference"


def test_a_long_clip_is_undecided_and_says_how_long_its_scan_takes_and_how_to_have_it_scanned(
    tmp_path: Path,
) -> None:
    container = furnish(tmp_path, reference_timeout_s=30)
    write_plain_clip(tmp_path / "clip.mp4", width=64, height=64, seconds=40, fps=30)
    found, wire = checked(container, with_reference(tmp_path / "clip.mp4"))
    assert (wire["verdict"], wire["not_checked"]) == ("undecided", ["input_reference"])
    assert wire["scan_seconds"] == {"input_reference": pytest.approx(61.0, abs=0.1)}
    assert "input_reference was not finished in time" in wire["summary"]
    assert "takes about 62 s." in wire["summary"]
    assert wire["summary"].endswith("To have a clip scanned without a submission: safelight scan FILE")
    price = Price(usd=None, usd_per_second=None, seconds=4)
    for t in load_languages().values():
        view = check_view(found, price, "a quiet harbour", container.core.taxonomy, t)
        assert view.policy.tone == "hold"
        assert view.policy.status == t("check.undecided")
        assert "input_reference" in view.policy.text
        assert "62" in view.policy.text
        assert "safelight scan" in view.policy.text
    with container.persistence.database.read_transaction(operator(container).tenant) as tx:
        row = tx.select(tables.audit_log_contents)[-1]
    assert json.loads(row.content)["action"] == "undecided"
    _, wire = checked(container, with_reference(tmp_path / "clip.mp4", PROMPT))
    assert wire["verdict"] == "block"


def test_checks_are_limited_and_exceeding_the_limit_costs_only_time(container: Container) -> None:
    who = operator(container)
    for _ in range(3):
        found, _, _ = container.checks.check(who, CreateRequest(prompt="a cat"))
        assert found.advice is None, "the default model is no provider that was asked about"
    with pytest.raises(CheckLimitExceeded) as spent:
        container.checks.check(who, CreateRequest(prompt="a cat"))
    assert spent.value.retry_after_s is not None


@dataclass(frozen=True)
class _WithAlias:
    """A generator whose only model has another provider's name as alias."""

    inner: Generator
    name: str = "wan"
    billing: Billing = Billing.OWN

    def info(self) -> GeneratorInfo:
        return replace(self.inner.info(), models=("Wan-AI/Wan2.2",), aliases={"sora-2": "Wan-AI/Wan2.2"})


@pytest.mark.parametrize(
    ("request_", "options"),
    [
        (CreateRequest(prompt="a quiet harbour", model="sora-2"), AdviceOptions()),
        (CreateRequest(prompt="a quiet harbour"), AdviceOptions(provider="sora-2")),
    ],
)
def test_the_advice_on_an_alias_is_about_its_model(
    container: Container, request_: CreateRequest, options: AdviceOptions
) -> None:
    checks = container.checks
    asked: list[str] = []
    generator = _WithAlias(checks.generators[checks.default_generator])
    checks = replace(
        checks,
        generators={"wan": generator},
        default_generator="wan",
        estimate_risk=lambda _tenant, name, _prompt, **_: asked.append(name),
    )
    found, _, _ = checks.check(operator(container), request_, options=options)
    assert found.advice is not None
    assert (found.advice.asked, asked) == ("Wan-AI/Wan2.2", ["Wan-AI/Wan2.2"])
    assert found.prompt_advice.risk.shut_down is None


@pytest.mark.parametrize(("prompt", "wanted"), [(PROMPT, True), ("a quiet harbour", False)])
def test_no_risk_is_estimated_for_a_block_or_if_it_is_not_used(
    container: Container, prompt: str, wanted: bool
) -> None:
    asked: list[str] = []
    checks = replace(container.checks, estimate_risk=lambda _tenant, name, _prompt, **_: asked.append(name))
    options = AdviceOptions(provider="veo")
    checks.check(operator(container), CreateRequest(prompt=prompt), options=options, estimates_risk=wanted)
    assert asked == []
