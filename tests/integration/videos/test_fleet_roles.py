"""A step runs only in a process with its role; another process hands the video over."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from safelight.testing.generators import create as instant
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import Video, VideoState
from safelight.videos.queue_places import QueuePlaces
from safelight.videos.requests.request import Upload
from support.house import House

from .test_upstream_waits import Office
from .test_video_lifecycle import PAID


def scanner(house: House) -> Office:
    """The process of a machine that only scans, and whose settings have no generator."""
    return Office(house, changed={"roles": ("scan",), "generators": {}})


def worker(house: House) -> Office:
    return Office(house, changed={"roles": ("work",)})


def place(house: House, video: Video) -> tuple[str, int | None]:
    return QueuePlaces(house.context).place(video.tenant, video.id)


def test_a_clip_is_scanned_by_a_process_without_generators_and_sealed_by_the_other(
    house: House, upstream: ScriptedUpstream
) -> None:
    upstream.play({"otherwise": {"polls": 1, "charge": 0.4}})
    video, makes, scans = house.order(**PAID), worker(house), scanner(house)
    assert place(house, video) == ("work", 1)
    makes.run(video)
    makes.poll_until(lambda: makes.is_woken(video))
    makes.run(video)
    assert (makes.state(video), place(house, video)) == (VideoState.SCANNING, ("scan", None))
    assert (makes.is_woken(video), upstream.counts["deletes"]) == (True, 1)
    assert house.snapshot(video).attempts[-1].upstream_copy_status == "deleted"
    scans.run(video)
    assert (scans.state(video), place(house, video)) == (VideoState.SEALING, ("work", None))
    assert scans.is_woken(video)
    makes.run(video)
    assert makes.state(video) is VideoState.DELIVERED
    assert upstream.counts["accepted"] == 1


def order_with_picture(house: House, folder: Path) -> Video:
    path = folder / "lake.png"
    Image.new("RGB", (640, 360), "navy").save(path)
    upload = Upload(field="input_reference", path=path, filename="lake.png", media_type="image/png")
    house.generators["able"] = instant({"name": "able", "models": ["able-1"], "seconds": [4]})
    return house.order("at night", model="able-1", uploads=(upload,))


def test_references_are_screened_by_a_process_that_scans(house: House, tmp_path: Path) -> None:
    video = order_with_picture(house, tmp_path)
    assert place(house, video) == ("scan", 1)
    worker(house).run(video)
    assert house.reread(video).state is VideoState.QUEUED
    scanner(house).run(video)
    assert house.reread(video).state is VideoState.GENERATING
