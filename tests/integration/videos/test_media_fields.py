"""Media of every declared field is screened as a reference, and only then sent to the server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from safelight.core.errors import RequestBlocked
from safelight.detectors import safety_card
from safelight.providers.protocol import MEDIA_FIELDS
from safelight.providers.videos_api import create
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import VideoState
from safelight.videos.requests.request import Upload

from .conftest import House

pytestmark = pytest.mark.real_media

FIELDS = sorted(MEDIA_FIELDS - {"input_reference", "video"})


@pytest.fixture
def declaring(house: House, upstream: ScriptedUpstream) -> Iterator[House]:
    """A house whose own server declares every media field."""
    generator = create(
        {
            "url": upstream.url,
            "name": "own",
            "billing": "own",
            "models": ["own-1"],
            "media_fields": dict.fromkeys(FIELDS, "json"),
        }
    )
    house.generators["own"] = generator
    yield house
    generator.close()


def picture(path: Path, *, card: bool) -> Upload:
    if card:
        Image.fromarray(safety_card.draw_card("violence", 320, 192)).save(path)
    else:
        Image.new("RGB", (64, 48), (90, 120, 150)).save(path)
    return Upload(field="", path=path, filename=path.name, media_type="image/png")


def test_media_of_every_declared_field_is_screened(
    declaring: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    found = picture(tmp_path / "card.png", card=True)
    for field in ("input_reference", *FIELDS):
        upload = Upload(field=field, path=found.path, filename=found.filename, media_type=found.media_type)
        try:
            # If the screening takes longer than a client waits, the video is rejected later.
            state = declaring.make(model="own-1", uploads=(upload,)).state
        except RequestBlocked:
            state = VideoState.REJECTED
        assert state is VideoState.REJECTED, field
    assert upstream.counts["received"] == 0


def test_a_server_gets_the_screened_bytes_in_the_form_that_it_documents(
    declaring: House, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    found = picture(tmp_path / "calm.png", card=False)
    upload = Upload(field="image_reference", path=found.path, filename="a.png", media_type="image/png")
    video = declaring.make(model="own-1", uploads=(upload,))
    assert video.state is VideoState.DELIVERED
    [order] = upstream.counts["orders"].values()
    content = base64.b64encode(found.path.read_bytes()).decode()
    assert order["fields"]["image_reference"] == f'{{"image_url": "data:image/png;base64,{content}"}}'
    assert order["files"] == []
