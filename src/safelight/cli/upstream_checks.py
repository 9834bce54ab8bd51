"""What `safelight doctor` says of a generator's server: what it offers, whom it answers, how a clip goes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.errors import SafelightError, UpstreamError

from .doctor_checks import DoctorCheck, DoctorState
from .output import progress_console
from .upstream import KEY_VARIABLE, NAME, upstream_warnings

if TYPE_CHECKING:
    from safelight.generation.protocol import Charge
    from safelight.generation.videos_api.discovery import DiscoveredServer
    from safelight.generation.videos_api.options import Options
    from safelight.generation.videos_api.smoke_test import Trial
    from safelight.scanning.report import ScanReport
    from safelight.scanning.service import Scanner


def title_of(name: str) -> str:
    return name if name == NAME else f"upstream {name}"


def look(name: str, url: str, api_key: str) -> tuple[DiscoveredServer | None, list[DoctorCheck]]:
    """What was found, and the checks on its models and on whether it answers strangers. Orders nothing."""
    from safelight.generation.videos_api.discovery import base_url, discover

    title = title_of(name)
    try:
        found = discover(base_url(url), api_key=api_key)
    except UpstreamError as error:
        remedy = "Start it, or correct its address in the settings."
        if "key" in error.message:
            remedy = f"Put its key into {KEY_VARIABLE}, or into `api_key` of its settings."
        return None, [DoctorCheck(name=title, state=DoctorState.WARNING, says=error.message, remedy=remedy)]
    except SafelightError as error:
        failed = DoctorCheck(
            name=title, state=DoctorState.FAILED, says=error.message, remedy=error.remedy or ""
        )
        return None, [failed]
    checks = []
    if found.models:
        says = f"{found.url} answers and offers {', '.join(found.models)}."
        checks.append(DoctorCheck(name=title, state=DoctorState.OK, says=says))
    else:
        checks.append(
            DoctorCheck(
                name=title,
                state=DoctorState.WARNING,
                says=f"{found.url} answers, and has no list of its models.",
                remedy="Name them: `models` in the settings, or --model NAME.",
            )
        )
    worries = upstream_warnings(found)
    title = f"{title}: strangers"
    checks += [
        DoctorCheck(name=title, state=DoctorState.WARNING, says=worry, remedy="See docs/safety-by-monday.md.")
        for worry in worries
    ]
    if not worries:
        says = (
            f"It asks for no key, and has a {found.place.value} address: its network alone keeps people out."
            if found.answers_strangers
            else "It answers no caller without a key."
        )
        checks.append(DoctorCheck(name=title, state=DoctorState.OK, says=says))
    return found, checks


def make_clip(
    found: DiscoveredServer, name: str, options: Options, scanner: Scanner | None
) -> Iterator[DoctorCheck]:
    """Order one small clip, fetch it, look at it, have it deleted; a check for each, in that order."""
    from safelight.generation.videos_api import smoke_test
    from safelight.generation.videos_api.discovery import NetworkLocation

    title = title_of(name)
    console = progress_console()
    with tempfile.TemporaryDirectory(prefix="safelight-doctor-") as folder:
        file = Path(folder) / "clip.mp4"
        try:
            with console.status(f"{name} makes a small clip") as status:
                told = smoke_test.run(
                    options,
                    file,
                    report=lambda percent: status.update(f"{name} makes a small clip: {percent} %"),
                )
        except SafelightError as error:
            yield DoctorCheck(
                name=f"{title}: clip",
                state=DoctorState.FAILED,
                says=error.message,
                remedy=error.remedy or "Look into its own log.",
            )
            return
        yield _made(title, told)
        yield from _declined(title, told)
        yield _looked_at(title, told, file, scanner)
    yield _protected(title, told, here_only=found.place is NetworkLocation.LOOPBACK)
    yield _deleted(title, told)
    yield _asked_again(title, told)


def _made(title: str, told: Trial) -> DoctorCheck:
    says = (
        f"It made {told.width}x{told.height} for {told.seconds} s in {told.made_s:.1f} s. "
        f"{_money(told.charge)}"
    )
    return DoctorCheck(name=f"{title}: clip", state=DoctorState.OK, says=says)


def _money(charge: Charge | None) -> str:
    if charge is None or charge.source != "upstream":
        return "It says nothing of a charge."
    if charge.amount:
        return f"It charged {charge.amount:g} {charge.currency}."
    return "It says it charged nothing."


def _declined(title: str, told: Trial) -> Iterator[DoctorCheck]:
    for one in told.declined:
        remedy = "Name what it does take in the settings: `sizes`, `seconds`."
        if one.what in ("metadata", "seed"):
            remedy = "Leave it as it is: what the settings do not name is not sent."
        yield DoctorCheck(
            name=f"{title}: fields",
            state=DoctorState.WARNING,
            says=f"It does not take {one.what}. {one.said.rstrip('.')}.",
            remedy=remedy,
        )


def _looked_at(title: str, told: Trial, file: Path, scanner: Scanner | None) -> DoctorCheck:
    name = f"{title}: scan"
    if scanner is None:
        return DoctorCheck(
            name=name,
            state=DoctorState.WARNING,
            says="The clip was fetched, and not scanned: the settings do not hold, or packages are missing.",
            remedy="Mend what is said above.",
        )
    began = time.monotonic()
    try:
        report = scanner.scan_video(file)
    except SafelightError as error:
        return DoctorCheck(
            name=name,
            state=DoctorState.FAILED,
            says=f"What it gave is no video that can be scanned. {error.message}",
            remedy="Look at what it makes for the same order by hand.",
        )
    took = time.monotonic() - began
    if report.failure:
        return DoctorCheck(
            name=name,
            state=DoctorState.FAILED,
            says=report.failure,
            remedy="Run: safelight scan, on a clip of its",
        )
    return _scanned(name, told, report, took)


def _scanned(name: str, told: Trial, report: ScanReport, took: float) -> DoctorCheck:
    facts = report.media
    found = sorted({finding.category for finding in report.findings})
    says = f"Every frame was looked at in {took:.1f} s; found: {', '.join(found) or 'nothing'}."
    if facts is None:
        return DoctorCheck(name=name, state=DoctorState.OK, says=says)
    says = f"{facts.width}x{facts.height}, {facts.duration_s:.1f} s, {facts.video_codec}. {says}"
    short = facts.duration_s < 0.5 * told.seconds
    if short or (facts.width, facts.height) != (told.width, told.height):
        return DoctorCheck(
            name=name,
            state=DoctorState.WARNING,
            says=f"{says} That is not what was ordered.",
            remedy="Set `sizes` and `seconds` to what it really makes, or pass the fields it goes by in "
            "`extra_fields`, such as num_frames and fps.",
        )
    return DoctorCheck(name=name, state=DoctorState.OK, says=says)


def _protected(title: str, told: Trial, *, here_only: bool) -> DoctorCheck:
    name = f"{title}: protection"
    if told.closed is True:
        return DoctorCheck(
            name=name, state=DoctorState.OK, says="Callers without a key do not get at what it made."
        )
    if told.closed is None:
        return DoctorCheck(
            name=name,
            state=DoctorState.OK,
            says="Whether callers without a key get at what it made is unknown.",
        )
    says = "Whoever reaches it gets what it made, unchecked, without a key."
    if here_only:
        return DoctorCheck(name=name, state=DoctorState.OK, says=f"{says} Only this machine does.")
    return DoctorCheck(
        name=name,
        state=DoctorState.WARNING,
        says=says,
        remedy="Keep it on a network that only Safelight reaches, or let it ask for a key.",
    )


def _deleted(title: str, told: Trial) -> DoctorCheck:
    name = f"{title}: deleting"
    if told.deleted and told.gone:
        return DoctorCheck(name=name, state=DoctorState.OK, says="Its copy is deleted when asked.")
    says = (
        "It says its copy is deleted, and still has it." if told.deleted else "It does not delete its copy."
    )
    return DoctorCheck(
        name=name,
        state=DoctorState.WARNING,
        says=says,
        remedy="Delete what it stores by other means; every video's record says where a copy stayed.",
    )


def _asked_again(title: str, told: Trial) -> DoctorCheck:
    from safelight.generation.videos_api.smoke_test import KEY_METADATA

    name = f"{title}: metadata"
    if told.echoes:
        return DoctorCheck(
            name=name,
            state=DoctorState.OK,
            says="Its list gives metadata back, so it can be asked what became of an order.",
            remedy=f'Put this into its settings: idempotency_metadata_key = "{KEY_METADATA}"',
        )
    return DoctorCheck(
        name=name,
        state=DoctorState.OK,
        says="It cannot be asked for an order whose answer was lost"
        + (": it has no list." if told.echoes is None else ": its list does not give metadata back.")
        + " On your own hardware it is ordered again; a paid one ends in submit_unknown.",
    )
