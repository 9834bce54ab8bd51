"""C2PA's Soft Binding Resolution API against the real gateway: from a watermark back to the manifest."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from c2pa import Context, Reader
from PIL import Image

from support.gateway_process import Running

API = "/v1/c2pa"


@pytest.fixture(scope="module")
def stranger(gateway: Running) -> Iterator[httpx.Client]:
    """A client without an account."""
    with httpx.Client(base_url=gateway.address, timeout=60, verify=False) as client:
        yield client


@pytest.fixture(scope="module")
def video(gateway: Running) -> bytes:
    headers = {"authorization": f"Bearer {gateway.key}"}
    asked = {"prompt": "a boat on a lake", "model": "storyboard", "seconds": "2", "size": "1280x720"}
    with httpx.Client(base_url=gateway.address, headers=headers, timeout=60, verify=False) as client:
        made = client.post("/v1/videos", json=asked).json()
        while made["status"] not in ("completed", "failed"):
            time.sleep(0.2)
            made = client.get(f"/v1/videos/{made['id']}").json()
        assert made["status"] == "completed", made
        return client.get(f"/v1/videos/{made['id']}/content").content


def read(video: bytes, manifest: bytes | None = None) -> dict[str, Any]:
    context = Context.from_dict({"verify": {"remote_manifest_fetch": False}})
    given = (io.BytesIO(video), manifest) if manifest else (io.BytesIO(video),)
    store: dict[str, Any] = json.loads(Reader("video/mp4", *given, context=context).json())
    return store


def test_a_watermark_leads_to_the_manifest_of_the_delivered_file(
    stranger: httpx.Client, video: bytes
) -> None:
    store = read(video)
    assertions = store["manifests"][store["active_manifest"]]["assertions"]
    binding = next(one["data"] for one in assertions if one["label"] == "c2pa.soft-binding")
    query = {"alg": binding["alg"], "value": binding["blocks"][0]["value"]}
    offered = stranger.get(f"{API}/services/supportedAlgorithms").json()
    assert {"alg": binding["alg"]} in offered["watermarks"]

    found = stranger.get(f"{API}/matches/byBinding", params=query)
    assert found.json() == {"matches": [{"manifestId": store["active_manifest"]}]}
    assert stranger.post(f"{API}/matches/byBinding", json=query).json() == found.json()

    manifest = stranger.get(f"{API}/manifests/{store['active_manifest']}")
    assert manifest.headers["content-type"] == "application/c2pa"
    again = read(video, manifest.content)
    assert again["active_manifest"] == store["active_manifest"]
    assert again["validation_state"] == "Valid"


def test_unknown_values_and_identifiers_are_not_found(stranger: httpx.Client, video: bytes) -> None:
    alg = stranger.get(f"{API}/services/supportedAlgorithms").json()["watermarks"][0]["alg"]
    unknown = base64.b64encode(bytes(8)).decode()
    answer = stranger.get(f"{API}/matches/byBinding", params={"alg": alg, "value": unknown})
    assert (answer.status_code, answer.json()) == (200, {"matches": []})
    for wrong in ("urn:c2pa:00000000-0000-4000-8000-000000000000", "x", "%2e%2e%2f"):
        assert stranger.get(f"{API}/manifests/{wrong}").status_code == 404


def test_a_wrong_value_or_algorithm_and_a_large_look_up_are_refused(stranger: httpx.Client) -> None:
    offered = stranger.get(f"{API}/services/supportedAlgorithms").json()
    (mark, *_), (fingerprint, *_) = offered["watermarks"], offered["fingerprints"]
    wrong = [{"alg": mark["alg"], "value": value} for value in ("", "AAAA", "not base64!", "A" * 4000)]
    wrong += [{"alg": one, "value": "AAAAAAAAAAA="} for one in ("com.example.mark", fingerprint["alg"])]
    for query in (*wrong, {}):
        assert stranger.get(f"{API}/matches/byBinding", params=query).status_code == 400
        assert stranger.post(f"{API}/matches/byBinding", json=query).status_code == 400
    large = stranger.post(f"{API}/matches/byBinding", json={"alg": "a" * 5000, "value": ""})
    assert large.status_code == 413


@pytest.mark.parametrize("as_form", [False, True], ids=["body", "form"])
def test_the_content_leads_to_the_manifest(stranger: httpx.Client, video: bytes, as_form: bool) -> None:
    url, identifier = f"{API}/matches/byContent", read(video)["active_manifest"]
    if as_form:
        url += "?alg=org.safelight.fingerprint.1"
        answer = stranger.post(url, files={"file": ("a.mp4", video, "video/mp4")})
    else:
        answer = stranger.post(url, content=video, headers={"content-type": "video/mp4"})
    assert (answer.status_code, answer.json()) == (200, {"matches": [{"manifestId": identifier}]})


def test_content_that_is_not_from_here_has_no_matches_and_what_is_no_picture_is_refused(
    stranger: httpx.Client,
) -> None:
    picture = io.BytesIO()
    Image.effect_noise((320, 180), 60).save(picture, "PNG")
    headers = {"content-type": "application/octet-stream"}
    answer = stranger.post(f"{API}/matches/byContent", content=picture.getvalue(), headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"matches": []})
    answer = stranger.post(f"{API}/matches/byContent", content=b"no video", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_media")


def test_content_that_is_not_one_file_is_refused_and_manifests_by_reference_are_not_offered(
    stranger: httpx.Client,
) -> None:
    sent: dict[str, Any]
    for sent, status in (
        ({"content": b"", "headers": {"content-type": "video/mp4"}}, 400),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
        ({"files": {"video": ("a.mp4", b"x")}}, 400),
        ({"files": {"file": ("a.mp4", b"x")}, "params": {"alg": "com.example.mark"}}, 400),
    ):
        assert stranger.post(f"{API}/matches/byContent", **sent).status_code == status
    # Nothing is fetched.
    answer = stranger.post(f"{API}/matches/byReference", json={"referenceUrl": "https://example.com/a.mp4"})
    assert answer.status_code == 404
