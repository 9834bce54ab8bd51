"""Videos made from templates: judged by their text, recorded, and demanded by a policy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from safelight.accounts import KeyScope
from safelight.cli.gateway_calls import reason_against
from safelight.core.errors import IdempotencyKeyReused, RequestBlocked, TemplateRequired
from safelight.detectors.protocol import DetectorPlugin
from safelight.policy.findings import SHIPPED
from safelight.providers.videos_api import create as videos_api
from safelight.testing.detectors import text_marker
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import VideoState
from safelight.videos.requests.request import CreateRequest, RetryTerms
from safelight.videos.templates import TemplateCall
from safelight.web.api.checks import check_object
from safelight.web.translations import load_languages

from .conftest import Furnish, House

SOURCE = "template: lake\ntext: 'a quiet lake [WORDS]'\nslots: {WORDS: {type: text}}\n"


LIBRARIAN = frozenset(KeyScope)


def request_of(house: House, words: str, version: int | None = None) -> CreateRequest:
    call = TemplateCall(name="lake", version=version, values={"WORDS": words})
    rendered = house.container.templates.render(house.who, call)
    return CreateRequest(prompt=rendered.text, template=rendered.use)


def retire(house: House, version: int) -> None:
    house.container.templates.retire(replace(house.who, scopes=LIBRARIAN), "lake", version)


@pytest.fixture
def demand(furnish: Furnish, tmp_path: Path) -> Callable[..., House]:
    """Make a house whose policy demands templates."""

    def make(*plugins: DetectorPlugin, rules: str = "") -> House:
        document = tmp_path / "team.yaml"
        document.write_text(f"policy: team\nextends: starter\ntemplates: required\n{rules}")
        house = furnish(*plugins, policy={"document": str(document)})
        house.waive()
        return house

    return make


def approve(house: House, version: int = 1, source: str = SOURCE) -> None:
    """Add the next version of the template and let another person approve it."""
    templates = house.container.templates
    author = replace(house.who, id="author", scopes=LIBRARIAN)
    templates.add(author, source)
    templates.submit(author, "lake", version)
    templates.approve(replace(house.who, scopes=LIBRARIAN), "lake", version)


def test_a_delivered_video_is_a_validation_of_its_version(house: House) -> None:
    approve(house)
    video = house.carry(house.videos.create(house.who, request_of(house, "at dawn")))
    assert video.state is VideoState.DELIVERED
    assert video.template is not None
    assert (video.template.name, video.template.version) == ("lake", 1)
    (found,) = house.container.templates.validations(house.who, "lake", 1)
    assert (found.video_id, found.prompt, found.outcome) == (video.id, "a quiet lake at dawn", "delivered")
    assert (found.model, found.created_at) == (video.model, video.created_at)
    assert found.charge is not None
    assert found.charge["charged"] == "no"
    house.change(video, quarantined=True)
    assert house.container.templates.validations(house.who, "lake", 1) == ()


def test_the_rendered_text_is_judged_and_an_approval_weakens_nothing(demand: Callable[..., House]) -> None:
    house = demand(
        text_marker(category="deception", score=0.9),
        rules="rules:\n  - id: m-1\n    reason: A marked word.\n"
        "    when: {category: deception, modality: text, score: {at_least: 0.5}}\n    action: block\n",
    )
    approve(house)
    with pytest.raises(RequestBlocked):
        house.videos.create(house.who, request_of(house, "MARKER"))
    (found,) = house.container.templates.validations(house.who, "lake", 1)
    assert (found.outcome, found.error_code) == ("rejected", "sentinel_block")


def test_a_policy_may_demand_an_approved_template(demand: Callable[..., House]) -> None:
    house = demand()
    with pytest.raises(TemplateRequired, match="This team demands a template") as caught:
        house.order()
    assert caught.value.param == "safelight.template"
    house.container.templates.add(replace(house.who, scopes=LIBRARIAN), SOURCE)
    with pytest.raises(TemplateRequired):
        house.videos.create(house.who, request_of(house, "at dawn", version=1))
    retire(house, 1)
    approve(house, 2)
    asked = request_of(house, "at dawn")
    with pytest.raises(TemplateRequired, match="another wording"):
        house.videos.create(house.who, replace(asked, retry=RetryTerms(variation="a calm lake at dawn")))
    assert house.videos.create(house.who, asked).state is VideoState.QUEUED


def test_a_check_says_that_a_template_is_demanded(demand: Callable[..., House]) -> None:
    house = demand()
    approve(house)
    check = house.container.checks.check
    found, admitted, price = check(house.who, CreateRequest(prompt="a quiet lake"))
    answer = check_object(found, admitted, price, SHIPPED, load_languages()["en"])
    assert (answer["verdict"], answer["template_required"]) == ("allow", True)
    assert "This team demands a template" in answer["summary"]
    assert "demands a template" in reason_against({**answer, "no_suggestions": None})
    made, _, _ = check(house.who, request_of(house, "at dawn"))
    assert not made.template_required
    assert "template" not in made.summary


def test_with_a_demanded_template_no_other_text_can_be_given(
    demand: Callable[..., House], upstream: ScriptedUpstream
) -> None:
    house = demand()
    approve(house)
    options = {"name": "own", "url": upstream.url, "models": ["own-1"], "billing": "own"}
    fields = {"extra_fields": {"script": "str"}, "text_fields": ["script"]}
    with closing(videos_api({**options, **fields})) as generator:
        house.generators["own"] = generator
        asked = replace(request_of(house, "at dawn"), model="own-1")
        with pytest.raises(TemplateRequired, match="script cannot be given") as caught:
            house.videos.create(house.who, replace(asked, extra={"script": "a knight fights a dragon"}))
        assert caught.value.param == "script"
        assert house.videos.create(house.who, asked).state is VideoState.QUEUED


def test_the_same_key_with_another_template_is_another_request(house: House) -> None:
    approve(house)
    asked = request_of(house, "at dawn")
    first = house.videos.create(house.who, replace(asked, idempotency_key="k"))
    assert house.videos.create(house.who, replace(asked, idempotency_key="k")).id == first.id
    with pytest.raises(IdempotencyKeyReused):
        house.videos.create(house.who, CreateRequest(prompt=asked.prompt, idempotency_key="k"))
