"""`serve --demo`: records a waiver for loopback addresses only, and requests a first clip through the HTTP
API.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.policy.waivers import DEMO, EVERYTHING, Waiver
from safelight.trust.accounts import OPERATOR, KeyScope, Principal, PrincipalKind
from safelight.trust.waivers import NewWaiver

from .output import progress_console

if TYPE_CHECKING:
    from safelight.bootstrap import Container
    from safelight.provenance.verification import Verifier

PROMPT = "A lighthouse above a quiet sea at dawn, slow dolly in, waves and gulls"
_MAX_WAIT_S = 240.0


def operator(container: Container) -> Principal:
    """The principal for the person at the terminal. It has every scope except the vault."""
    return Principal(
        tenant=container.persistence.tenant,
        id=OPERATOR,
        kind=PrincipalKind.PERSON,
        name="operator",
        scopes=frozenset(KeyScope) - {KeyScope.VAULT},
    )


def record_waiver(container: Container) -> tuple[Waiver, ...]:
    """Record the waiver `demo` if it does not exist. It is valid on a loopback address only.

    Returns all waivers in force.
    """
    if all(
        waiver.name != DEMO for waiver in container.persistence.waivers_in_force(container.persistence.tenant)
    ):
        container.persistence.waivers.add(
            NewWaiver(
                tenant=container.persistence.tenant,
                name=DEMO,
                decided_by="make run",
                reason="a first look on this machine; categories without an installed model stay unchecked",
                categories=(EVERYTHING,),
                loopback_only=True,
            ),
            taxonomy=container.core.taxonomy,
        )
    return container.persistence.waivers_in_force(container.persistence.tenant)


def make_first_clip(address: str, key: str, verifier: Verifier) -> None:
    """Request a clip through the HTTP API, wait for it, download it and verify the file."""
    import httpx
    from rich.progress import BarColumn, Progress, TextColumn

    began = time.monotonic()
    with (
        httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
        Progress(
            TextColumn("  First clip:    {task.description:<12}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            console=progress_console(),
        ) as bar,
    ):
        answer = client.post(
            "/v1/videos", json={"prompt": PROMPT, "model": "storyboard", "seconds": "4", "size": "1280x720"}
        )
        video = answer.raise_for_status().json()
        task = bar.add_task("waiting", total=100)
        while video["status"] in ("queued", "in_progress") and time.monotonic() - began < _MAX_WAIT_S:
            state = video["safelight"]["state"]
            bar.update(task, completed=video["progress"], description=state)
            if state == "held":
                break
            time.sleep(0.25)
            video = client.get(f"/v1/videos/{video['id']}").raise_for_status().json()
        bar.update(task, completed=video["progress"], description=video["safelight"]["state"])
    console = progress_console()
    if video["status"] != "completed":
        reason = (video.get("error") or {}).get("message") or video["safelight"]["state"]
        console.print(f"  The first clip was not delivered: {reason}\n", highlight=False)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "first.mp4"
        with httpx.stream(
            "GET",
            f"{address}/v1/videos/{video['id']}/content",
            headers={"Authorization": f"Bearer {key}"},
            timeout=60,
        ) as download:
            path.write_bytes(b"".join(download.iter_bytes()))
        found = verifier.verify(path)
    console.print(
        f"  Delivered in {time.monotonic() - began:.0f} s: {address}/videos/{video['id']}\n"
        f"  {found.answer}\n",
        highlight=False,
        soft_wrap=True,
    )
