"""The checks of `safelight doctor` on an upstream: its models, its authentication and a test video."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from safelight.core.errors import SafelightError, UpstreamError
from safelight_client.money import format_money

from .doctor_checks import DoctorCheck, fail, ok, warn
from .output import progress_console
from .upstream import KEY_VARIABLE, NAME, upstream_warnings

if TYPE_CHECKING:
    from safelight.providers.protocol import Charge
    from safelight.providers.upstream.hosted import HostedGenerator
    from safelight.providers.videos_api.discovery import DiscoveredServer
    from safelight.providers.videos_api.options import Options
    from safelight.providers.videos_api.smoke_test import Trial
    from safelight.screening.scanning.report import ScanReport
    from safelight.screening.scanning.service import Scanner


def title_of(name: str) -> str:
    return name if name == NAME else f"upstream {name}"


def check_server(name: str, url: str, api_key: str) -> tuple[DiscoveredServer | None, list[DoctorCheck]]:
    """Discover the server, and check its models and its authentication. Submits no generation request."""
    from safelight.providers.videos_api.discovery import base_url, discover

    title = title_of(name)
    try:
        found = discover(base_url(url), api_key=api_key)
    except UpstreamError as error:
        remedy = "Start the server, or correct its address in the settings."
        if "key" in error.message:
            remedy = f"Set {KEY_VARIABLE}, or `api_key` in its settings."
        return None, [warn(title, error.message, remedy)]
    except SafelightError as error:
        return None, [fail(title, error.message, error.remedy or "")]
    if found.models:
        checks = [ok(title, f"{found.url} responds and offers {', '.join(found.models)}.")]
    else:
        checks = [
            warn(
                title,
                f"{found.url} responds, but does not list its models.",
                "Name them: `models` in the settings, or --model NAME.",
            )
        ]
    if found.profile:
        checks.append(_check_profile(title, found.profile))
        checks += _check_steering(title, found)
    warnings = upstream_warnings(found)
    title = f"{title}: authentication"
    checks += [warn(title, warning, "See docs/safety-by-monday.md.") for warning in warnings]
    if not warnings:
        message = (
            f"It requires no key and has a {found.place.value} address: only its network protects it."
            if found.answers_strangers
            else "It rejects callers without a key."
        )
        checks.append(ok(title, message))
    return found, checks


def check_hosted(generator: HostedGenerator) -> DoctorCheck:
    """What a provider says without a generation. Nothing here costs anything."""
    title, address = title_of(generator.name), f"{generator.name} answers at {generator.url}."
    try:
        said = generator.check_access()
    except UpstreamError as error:
        remedy = "Check `api_key` or `credentials_file`, and `url`, in its settings."
        return warn(title, error.message, remedy)
    said = said or "Whether it accepts the key shows only in a paid request."
    return ok(title, f"{address} {said}")


def _check_profile(title: str, name: str) -> DoctorCheck:
    from safelight.providers.videos_api.profiles import PROFILES

    return ok(
        f"{title}: kind",
        f'It is {PROFILES[name].title}: with profile = "{name}" its own fields are accepted.',
    )


def _check_steering(title: str, found: DiscoveredServer) -> Iterator[DoctorCheck]:
    """What a server that steers can do."""
    from safelight.providers.videos_api.profiles import STEER

    name, offer = f"{title}: steering", found.steering
    if found.profile != STEER:
        return
    if offer is None:
        yield warn(
            name,
            "It does not say what it can steer: it loads its model, or could not load it.",
            "Ask again later, or read its log.",
        )
        return
    message = (
        f"It steers away from {', '.join(offer.categories) or 'nothing'}; "
        f"it watches for {', '.join(offer.watches) or 'nothing'}."
    )
    yield ok(name, message)
    if offer.gaps:
        yield warn(
            name,
            f"Its pipeline has gaps: {', '.join(offer.gaps)}.",
            "See packages/steer/README.md for the methods that they affect.",
        )


def request_test_video(
    found: DiscoveredServer, name: str, options: Options, scanner: Scanner | None
) -> Iterator[DoctorCheck]:
    """Request one small clip, download, scan and delete it. Each step is one check."""
    from safelight.providers.videos_api import smoke_test
    from safelight.providers.videos_api.discovery import NetworkLocation

    title = title_of(name)
    console = progress_console()
    with tempfile.TemporaryDirectory(prefix="safelight-doctor-") as folder:
        file = Path(folder) / "clip.mp4"
        try:
            with console.status(f"{name} generates a small clip") as status:
                trial = smoke_test.run(
                    options,
                    file,
                    report=lambda percent: status.update(f"{name} generates a small clip: {percent} %"),
                )
        except SafelightError as error:
            yield fail(f"{title}: clip", error.message, error.remedy or "See the log of that server.")
            return
        yield _check_generation(title, trial)
        yield from _check_rejected_fields(title, trial)
        yield _check_scan(title, trial, file, scanner)
    yield _check_protection(title, trial, here_only=found.place is NetworkLocation.LOOPBACK)
    yield _check_deletion(title, trial)
    yield _check_idempotency(title, trial)


def _check_generation(title: str, trial: Trial) -> DoctorCheck:
    message = (
        f"It generated {trial.width}x{trial.height} for {trial.seconds} s in {trial.made_s:.1f} s. "
        f"{_describe_charge(trial.charge)}"
    )
    return ok(f"{title}: clip", message)


def _describe_charge(charge: Charge | None) -> str:
    if charge is None or charge.source != "upstream":
        return "It reports no charge."
    if charge.amount:
        return f"It charged {format_money(charge.amount, charge.currency)}."
    return "It reports that it charged nothing."


def _check_rejected_fields(title: str, trial: Trial) -> Iterator[DoctorCheck]:
    for one in trial.declined:
        remedy = "Set what it supports in the settings: `sizes`, `seconds`."
        if one.what in ("metadata", "seed"):
            remedy = "No action needed: Safelight sends only what the settings contain."
        yield warn(f"{title}: fields", f"It does not accept {one.what}. {one.said.rstrip('.')}.", remedy)


def _check_scan(title: str, trial: Trial, file: Path, scanner: Scanner | None) -> DoctorCheck:
    name = f"{title}: scan"
    if scanner is None:
        return warn(
            name,
            "The clip was not scanned, because the settings are invalid or packages are missing.",
            "Fix the problems above.",
        )
    began = time.monotonic()
    try:
        report = scanner.scan_video(file)
    except SafelightError as error:
        return fail(
            name,
            f"Its file cannot be scanned as a video. {error.message}",
            "Send the same request manually and inspect the result.",
        )
    took = time.monotonic() - began
    if report.failure:
        return fail(name, report.failure, "Run `safelight scan` on a clip from this server.")
    return _describe_scan(name, trial, report, took)


def _describe_scan(name: str, trial: Trial, report: ScanReport, took: float) -> DoctorCheck:
    facts = report.media
    found = sorted({finding.category for finding in report.findings})
    message = f"Every frame was scanned in {took:.1f} s; found: {', '.join(found) or 'nothing'}."
    if facts is None:
        return ok(name, message)
    message = f"{facts.width}x{facts.height}, {facts.duration_s:.1f} s, {facts.video_codec}. {message}"
    short = facts.duration_s < 0.5 * trial.seconds
    if short or (facts.width, facts.height) != (trial.width, trial.height):
        return warn(
            name,
            f"{message} That is not what was requested.",
            "Set `sizes` and `seconds` to what it generates, or pass the fields it uses in "
            "`extra_fields`, such as num_frames and fps.",
        )
    return ok(name, message)


def _check_protection(title: str, trial: Trial, *, here_only: bool) -> DoctorCheck:
    name = f"{title}: protection"
    if trial.closed is True:
        return ok(name, "Callers without a key cannot download its videos.")
    if trial.closed is None:
        return ok(name, "It is unknown whether callers without a key can download its videos.")
    message = "Every client that can reach it can download its unchecked videos without a key."
    if here_only:
        return ok(name, f"{message} Only this machine can reach it.")
    return warn(
        name, message, "Keep it on a network that only Safelight can reach, or make it require a key."
    )


def _check_deletion(title: str, trial: Trial) -> DoctorCheck:
    name = f"{title}: deleting"
    if trial.deleted and trial.gone:
        return ok(name, "It deletes its copy on request.")
    message = (
        "It reports that its copy is deleted, but still has it."
        if trial.deleted
        else "It does not delete its copy."
    )
    return warn(
        name, message, "Delete its copies by other means; the record of each video names remaining copies."
    )


def _check_idempotency(title: str, trial: Trial) -> DoctorCheck:
    from safelight.providers.videos_api.smoke_test import KEY_METADATA

    name = f"{title}: metadata"
    if trial.echoes:
        return ok(
            name,
            "Its list returns metadata, so Safelight can find a request whose response was lost.",
            f'Add this to its settings: idempotency_metadata_key = "{KEY_METADATA}"',
        )
    return ok(
        name,
        "Safelight cannot find a request whose response was lost"
        + (": the server has no list." if trial.echoes is None else ": its list does not return metadata.")
        + " On your own hardware it is submitted again; at a paid server it ends with submit_unknown.",
    )
