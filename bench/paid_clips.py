"""What becomes of clips that a provider was paid for: `python -m bench.paid_clips`.

Eight videos at a scripted paid upstream whose scan takes longer than their deadline, and one whose download
is cut once. With `PYTHONPATH` set to the sources of another version, that version is measured.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from safelight.bootstrap import Container
from safelight.cli.demo import operator
from safelight.detectors.registry import DetectorRegistry
from safelight.policy.waivers import EVERYTHING, NewWaiver
from safelight.providers.videos_api import create as videos_api
from safelight.screening.request import CreateRequest
from safelight.settings import Settings
from safelight.testing.upstream import ScriptedUpstream
from safelight.videos.models import Video, VideoState
from safelight.videos.runner import Runner

ROWS = 8
DEADLINE_S, SCAN_S = 6.0, 8.0
PRICE = 1.0


def _install(folder: Path, upstream: ScriptedUpstream, deadline_s: float) -> Container:
    settings: dict[str, Any] = {"generation": {"deadline_s": deadline_s}, "scan": {"warm_workers": 0}}
    container = Container(Settings(data=folder, **settings))
    container.core.detectors = DetectorRegistry([], missing={})
    paid = {"url": upstream.url, "name": "runway", "models": ["paid-1"], "billing": "paid"}
    container.core.generators = {**container.core.generators, "runway": videos_api(paid)}
    container.persistence.data_directory.lock()
    container.persistence.waivers.add(
        NewWaiver(name="bench", decided_by="bench", reason="no model", categories=(EVERYTHING,)),
        taxonomy=container.core.taxonomy,
    )
    return container


def _slow_scans(container: Container) -> None:
    output = type(container.pipeline.context.stages.output)
    scan = output.scan

    def slow(self: Any, *args: Any, **named: Any) -> Any:
        time.sleep(SCAN_S)
        return scan(self, *args, **named)

    output.scan = slow  # type: ignore[method-assign]


def _carry(container: Container, video: Video) -> Video:
    runner = Runner(container.pipeline.context)
    while (following := runner.run_steps(video.tenant, video.id)) is not None:
        time.sleep(min(following.after_s, 0.2))
    return container.pipeline.context.videos.get(video.tenant, video.id)


def _order(container: Container) -> Video:
    request = CreateRequest(prompt="a quiet lake", model="paid-1")
    return container.videos.create(operator(container), request)


def main() -> None:
    rule: dict[str, Any] = {"polls": 0, "charge": PRICE}
    with (
        ScriptedUpstream({"otherwise": {**rule, "content": {"do": "truncated", "times": 1}}}) as upstream,
        tempfile.TemporaryDirectory() as folder,
    ):
        container = _install(Path(folder) / "cut", upstream, 600.0)
        video = _carry(container, _order(container))
        print(f"A download that is cut once: {video.state.value} after {upstream.counts['fetches']} GET")
        if video.error_message:
            print(f"  {video.error_message}")
        upstream.play({"otherwise": rule})
        container.persistence.data_directory.close()
        container = _install(Path(folder) / "late", upstream, DEADLINE_S)
        _slow_scans(container)
        ended = [_carry(container, _order(container)) for _ in range(ROWS)]
        lost = [each for each in ended if each.state is VideoState.FAILED]
        print(
            f"Scan longer than the deadline: {len(lost)} of {ROWS} discarded, {len(lost) * PRICE:g} dollars"
        )
        if lost:
            print(f"  {lost[0].error_message}")
        container.persistence.data_directory.close()


if __name__ == "__main__":
    main()
