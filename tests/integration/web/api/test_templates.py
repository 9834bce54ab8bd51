"""The routes of templates and of the library."""

from __future__ import annotations

import json

import httpx
import pytest

from safelight.accounts import KeyScope
from support.fake_api_server import Live
from support.rows import each_row

from .conftest import ClientWith

SOURCE = "template: {name}\ntext: 'a lake at [TIME]'\nslots: {{TIME: {{values: [dawn, noon]}}}}\n"
TEMPLATES, LIBRARY = "/v1/safelight/templates", "/v1/safelight/library"


@pytest.fixture
def reviewer(client_with: ClientWith) -> httpx.Client:
    """Another person, who may approve."""
    return client_with(KeyScope.REVIEW, KeyScope.VIDEOS_READ, name="bea")


def approved(client: httpx.Client, reviewer: httpx.Client, name: str) -> None:
    assert client.post(TEMPLATES, json={"source": SOURCE.format(name=name)}).status_code == 200
    assert client.post(f"{TEMPLATES}/{name}/1/submit").status_code == 200
    assert reviewer.post(f"{TEMPLATES}/{name}/1/approve").json()["state"] == "approved"


def test_a_template_is_added_submitted_approved_by_another_person_and_retired(
    client: httpx.Client, reviewer: httpx.Client
) -> None:
    added = client.post(TEMPLATES, json={"source": SOURCE.format(name="one")}).json()
    assert (added["name"], added["version"], added["state"], added["author"]) == ("one", 1, "draft", "test")
    assert added["slots"][0]["values"] == ["dawn", "noon"]
    assert client.post(f"{TEMPLATES}/one/1/submit").json()["state"] == "review"
    assert client.post(f"{TEMPLATES}/one/1/approve").status_code == 403
    found = reviewer.post(f"{TEMPLATES}/one/1/approve").json()
    assert (found["state"], found["approver"]) == ("approved", "bea")
    assert "one" in [each["name"] for each in client.get(TEMPLATES).json()["data"]]
    assert client.get(f"{TEMPLATES}/one").json()["validations"] == []
    assert client.post(f"{TEMPLATES}/one/1/retire").json()["state"] == "retired"


def test_a_video_is_made_from_a_template_named_in_json_or_in_a_form(
    server: Live, client: httpx.Client, reviewer: httpx.Client
) -> None:
    approved(client, reviewer, "two")
    template = {"name": "two", "values": {"TIME": "dawn"}}
    made = client.post("/v1/videos", json={"safelight": {"template": template}, "model": "shelf-1"})
    assert (made.status_code, made.json()["prompt"]) == (200, "a lake at dawn")
    asked = server.desk.requests[-1]
    assert asked.template is not None
    assert (asked.template.name, asked.template.version, asked.template.approved) == ("two", 1, True)
    fields = {
        "model": (None, "shelf-1"),
        "safelight[template][name]": (None, "two"),
        "safelight[template][version]": (None, "1"),
        "safelight[template][values][TIME]": (None, "noon"),
    }
    made = client.post("/v1/videos", files=fields)
    assert (made.status_code, made.json()["prompt"]) == (200, "a lake at noon")


@each_row
def test_a_wrong_template_names_the_field(
    client: httpx.Client, reviewer: httpx.Client, template: object, param: str
) -> None:
    if client.get(f"{TEMPLATES}/three").status_code == 404:
        approved(client, reviewer, "three")
    answer = client.post("/v1/videos", json={"safelight": {"template": template}})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_a_prompt_beside_a_template_must_be_that_of_the_template(
    client: httpx.Client, reviewer: httpx.Client
) -> None:
    if client.get(f"{TEMPLATES}/three").status_code == 404:
        approved(client, reviewer, "three")
    template = {"name": "three", "values": {"TIME": "noon"}}
    render = f"{TEMPLATES}/three/render"
    assert client.post(render, json={"values": {"TIME": "night"}}).status_code == 400
    rendered = client.post(render, json={"values": template["values"]}).json()
    assert rendered["approved"] is True
    made = rendered["prompt"]
    body = {"prompt": "a cat", "safelight": {"template": template}}
    answer = client.post("/v1/videos", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt")
    answer = client.post("/v1/videos", json={**body, "prompt": made})
    assert (answer.status_code, answer.json()["prompt"]) == (200, made)


def test_unknown_names_and_versions_are_404(client: httpx.Client) -> None:
    assert client.get(f"{TEMPLATES}/none").status_code == 404
    assert client.post(f"{TEMPLATES}/none/1/submit").status_code == 404
    body = {"safelight": {"template": {"name": "none"}}}
    assert client.post("/v1/videos", json=body).status_code == 404


@pytest.mark.parametrize(
    "source", ["", "- a", "template: x", "template: x\ntext: '[Y]'", "\x00", "\ud800", "x" * 65_000]
)
def test_a_wrong_document_is_refused(client: httpx.Client, source: str) -> None:
    body = json.dumps({"source": source})
    answer = client.post(TEMPLATES, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400


def test_imports_are_listed_searched_and_removed(client: httpx.Client) -> None:
    entries = [
        {"prompt": "a birch forest", "category": "landscape", "notes": "calm"},
        {"prompt": "早晨的市場", "category": "people"},
    ]
    results = client.post(f"{LIBRARY}/import", json={"entries": entries}).json()
    assert (results["added"], [one["outcome"] for one in results["results"]]) == (2, ["added", "added"])
    (found,) = client.get(LIBRARY, params={"q": "市场"}).json()["data"]
    assert (found["prompt"], found["status"], found["needs_validation"]) == ("早晨的市場", "unproven", True)
    (birch,) = client.get(LIBRARY, params={"category": "landscape"}).json()["data"]
    exported = client.get(f"{LIBRARY}/export").json()
    assert {each["prompt"] for each in exported["data"]} == {each["prompt"] for each in entries}
    again = client.post(f"{LIBRARY}/import", json={"entries": exported["data"]}).json()
    assert [one["outcome"] for one in again["results"]] == ["known", "known"]
    assert client.delete(f"{LIBRARY}/{birch['id']}").json()["deleted"] is True
    assert client.get(f"{LIBRARY}/{birch['id']}").status_code == 404


@each_row
def test_a_wrong_import_is_refused_as_a_whole(client: httpx.Client, entries: object) -> None:
    assert client.post(f"{LIBRARY}/import", json={"entries": entries}).status_code == 400


def test_an_unknown_video_cannot_be_added(client: httpx.Client) -> None:
    assert client.post(LIBRARY, json={"video_id": "video_" + "0" * 32, "category": "y"}).status_code == 404
    assert client.post(LIBRARY, json={"video_id": "x", "category": "y"}).status_code == 404
