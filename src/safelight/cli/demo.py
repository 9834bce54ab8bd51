"""`serve --demo`: records a waiver for loopback addresses only, and requests a first clip through the HTTP
API.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.accounts import OPERATOR, KeyScope, Principal, PrincipalKind
from safelight.core.errors import Unauthenticated
from safelight.core.fileio import write_atomic
from safelight.policy.waivers import DEMO, EVERYTHING, NewWaiver, Waiver

from .language import texts

if TYPE_CHECKING:
    import httpx

    from safelight.app.container import Container
    from safelight.provenance.verification import Verifier

    from .output import ProgressBar

PROMPT = "A lighthouse above a quiet sea at dawn, slow dolly in, waves and gulls"
#: The catalogue `doctor` translates it.
WAIVER_REASON = (
    "This is a first look at Safelight on this machine. Categories without an installed model stay unchecked."
)
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
                reason=WAIVER_REASON,
                categories=(EVERYTHING,),
                loopback_only=True,
            ),
            taxonomy=container.core.taxonomy,
        )
    return container.persistence.waivers_in_force(container.persistence.tenant)


def demo_key(container: Container) -> str:
    """The API key of the demo: that of an earlier start, from its file beside the keys of the installation,
    or a new one if there is none or it was revoked.
    """
    file, accounts = container.persistence.key_folder / "demo.key", container.persistence.accounts
    with contextlib.suppress(OSError, UnicodeDecodeError, Unauthenticated):
        token = file.read_text("ascii").strip()
        accounts.authenticate(token)
        return token
    _record, token = accounts.create_key(container.persistence.tenant, "demo", by="make run")
    write_atomic(file, f"{token}\n".encode())
    return token


@dataclass(frozen=True, kw_only=True)
class FirstClip:
    """How the first clip ended. `address` is its page, with a `reason` if it was not delivered."""

    seconds: float
    address: str = ""
    verified: bool = False
    reason: str = ""


def make_first_clip(address: str, key: str, verifier: Verifier, stopping: threading.Event) -> FirstClip:
    """Request a clip through the HTTP API, wait for it, download it and verify the file.

    `stopping` is set when the gateway stops, which ends its connections.
    """
    import httpx

    from .output import ProgressBar

    began = time.monotonic()
    try:
        with (
            httpx.Client(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
            ProgressBar(100, texts()("serve.label.clip")) as bar,
        ):
            video = _wait_for_clip(client, bar)
            page = f"{address}/videos/{video['id']}"
            if video["status"] != "completed":
                return FirstClip(seconds=time.monotonic() - began, address=page, reason=_reason(video))
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "first.mp4"
                answer = client.get(f"/v1/videos/{video['id']}/content")
                path.write_bytes(answer.raise_for_status().content)
                found = verifier.verify(path)
    except httpx.HTTPError as error:
        reason = texts()("serve.stopped") if stopping.is_set() else str(error) or type(error).__name__
        return FirstClip(seconds=time.monotonic() - began, reason=reason)
    return FirstClip(
        seconds=time.monotonic() - began,
        address=page,
        verified=found.state.value == "trusted",
    )


def _reason(video: dict[str, Any]) -> str:
    """Why a clip was not delivered: the sentence of its failure, or what holds it."""
    ours = video["safelight"]
    failed = (video.get("error") or {}).get("message")
    explained = ours.get("explanation") or {}
    said = failed or " ".join(filter(None, (explained.get("reason"), explained.get("next_step"))))
    return said or str(ours["state"])


def _wait_for_clip(client: httpx.Client, bar: ProgressBar) -> dict[str, Any]:
    """The video once it ended or is held, or as it is after the longest wait."""
    began = time.monotonic()
    answer = client.post(
        "/v1/videos", json={"prompt": PROMPT, "model": "storyboard", "seconds": "4", "size": "1280x720"}
    )
    video: dict[str, Any] = answer.raise_for_status().json()
    while video["status"] in ("queued", "in_progress") and time.monotonic() - began < _MAX_WAIT_S:
        bar.update(video["progress"])
        if video["safelight"]["state"] == "held":
            break
        time.sleep(0.25)
        video = client.get(f"/v1/videos/{video['id']}").raise_for_status().json()
    return video
