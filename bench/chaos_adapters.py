"""Kill the gateway at random moments while every adapter works, and count what is lost and submitted twice.

`python -m bench.chaos_adapters --jobs 2000`. A client sends requests with an idempotency key to `safelight
serve`, which is killed with SIGKILL and started again, also while it starts. The upstreams are servers that
speak the documented formats; they count what they accept. Figures go to docs/benchmarks/chaos.md.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bench.chaos import Tally, unfinished, verify_log
from bench.chaos_stops import GatewayProcess
from safelight.app.container import Container, load
from safelight.detectors.safety_card import draw_card
from safelight.media.encode import Mp4Writer, VideoFormat
from safelight.store import tables
from safelight.testing.clips import tiny_clip
from safelight.testing.upstream import ScenarioRule, ScriptedAction, ScriptedUpstream
from safelight.testing.upstream.hosted_routes import Dialect

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.provider_outcomes import API_KEY, MODELS, settings_table

#: The API that each upstream speaks, by the name of its generator.
DIALECTS: dict[str, Dialect] = {
    "server": "videos_api",
    "own": "videos_api",
    "veo": "veo",
    "vertex": "vertex",
    "runway": "runway",
    "fal": "fal",
}
#: Not paid, so a request may be submitted again.
OWN = frozenset({"own", "storyboard"})
#: One job in this number is drawn by `storyboard`, which takes more computing time than the others.
STORYBOARD_EVERY = 20
#: What upstreams do with a job, and how often of 100 times; the rest succeeds.
TROUBLE = {
    "refused": 4,
    "failed": 3,
    "rate limit": 4,
    "answer lost": 2,
    "status 503 once": 4,
    "link ended once": 5,
    "download cut once": 5,
    "slow download": 4,
    "link dead": 3,
    "no clip": 3,
    "card": 5,
}
#: Requests that the client has at the gateway at the same time.
BACKLOG = 150
#: A missing clip is asked for for an hour, so dead links are among this share of the jobs, the first ones:
#: for most of them the hour ends while the others work.
DEAD_UNTIL_SHARE = 1 / 3
HELD_FIRST = 5
#: More than that hour.
END_S = 4500.0
MODELS_OFF = (
    *("acts", "distress", "faces", "hate-symbols", "logos", "minilm", "named-entities", "ngrams"),
    *("nudenet", "ocr", "objects", "open-nsfw", "transcription", "vad", "whisper"),
)


@dataclass(frozen=True, kw_only=True)
class Job:
    number: int
    generator: str
    trouble: str
    rule: ScenarioRule

    @property
    def prompt(self) -> str:
        return f"a quiet lake in the morning, take {self.number}."

    @property
    def model(self) -> str:
        dialect = DIALECTS.get(self.generator)
        return self.generator if dialect in (None, "videos_api") else MODELS[dialect]


@dataclass(kw_only=True)
class Plan:
    """The jobs. Each upstream finds the rule of a job by its prompt."""

    jobs: list[Job]
    by_prompt: dict[str, Job] = field(init=False)

    def __post_init__(self) -> None:
        self.by_prompt = {job.prompt: job for job in self.jobs}

    def choose(self, fields: Mapping[str, Any], _number: int) -> ScenarioRule:
        return self.by_prompt[str(fields["prompt"])].rule


def plan_jobs(number_of_jobs: int, chance: random.Random, clips: Path) -> Plan:
    """Jobs for all adapters in turn. Each job has a clip of its own, so that none is known by its hash."""
    card = clips / "card.mp4"
    with Mp4Writer(card, VideoFormat(width=320, height=180, fps=8, crf=23)) as writer:
        for _ in range(8):
            writer.add_frame(draw_card("violence", 320, 180))
    names, jobs = list(DIALECTS), []
    for number in range(number_of_jobs):
        generator = "storyboard" if number % STORYBOARD_EVERY == 0 else names[number % len(names)]
        trouble = _pick(chance)
        if trouble == "link dead" and number > number_of_jobs * DEAD_UNTIL_SHARE:
            trouble = "no clip"
        if generator == "vertex" and trouble.startswith(("link", "download", "slow", "no clip")):
            # It sends the clip inside of its answer.
            trouble = ""
        clip = clips / f"{number}.mp4"
        content = (card.read_bytes() if trouble == "card" else tiny_clip()) + _padding(number)
        clip.write_bytes(content)
        jobs.append(
            Job(number=number, generator=generator, trouble=trouble, rule=_rule(trouble, clip, chance))
        )
    return Plan(jobs=jobs)


def _pick(chance: random.Random) -> str:
    names = [*TROUBLE, ""]
    weights = [*TROUBLE.values(), 100 - sum(TROUBLE.values())]
    return chance.choices(names, weights)[0]


def _padding(number: int) -> bytes:
    """A box without content that makes a clip differ from the others."""
    return (16).to_bytes(4, "big") + b"free" + number.to_bytes(8, "big")


def _rule(trouble: str, clip: Path, chance: random.Random) -> ScenarioRule:
    # An answer that takes a moment, so that kills hit submissions under way.
    submit = ScriptedAction(delay_s=chance.uniform(0.0, 0.5))
    rule = ScenarioRule(submit=submit, polls=chance.randint(0, 2), clip=str(clip), charge=40)
    once: Callable[..., ScriptedAction] = partial(ScriptedAction, times=1)
    match trouble:
        case "refused" | "failed":
            return msgspec.structs.replace(rule, ends=trouble)
        case "rate limit":
            submit = once(do="status", status=429, retry_after=0.5)
            return msgspec.structs.replace(rule, submit=submit)
        case "answer lost":
            return msgspec.structs.replace(rule, submit=once(do="lose_answer"))
        case "status 503 once":
            return msgspec.structs.replace(rule, poll=once(do="status", status=503))
        case "link ended once":
            return msgspec.structs.replace(rule, content=once(do="missing"))
        case "download cut once":
            return msgspec.structs.replace(rule, content=once(do="truncated"))
        case "slow download":
            return msgspec.structs.replace(rule, content=once(do="slow"))
        case "link dead":
            return msgspec.structs.replace(rule, content=ScriptedAction(do="missing"))
        case "no clip":
            return msgspec.structs.replace(rule, content=ScriptedAction(do="text"))
    return rule


def write_settings(out: Path, upstreams: Mapping[str, ScriptedUpstream]) -> Path:
    generators: dict[str, dict[str, Any]] = {"storyboard": {"kind": "storyboard"}}
    for name, dialect in DIALECTS.items():
        folder = out / name
        folder.mkdir()
        table = settings_table(dialect, upstreams[name].url, folder)
        if dialect == "videos_api":
            table |= {"models": [name], "billing": "own" if name in OWN else "paid"}
            table |= {"idempotency_metadata_key": "safelight_key"}
        generators[name] = {**table, "name": name}
    settings = {
        "data": str(out / "data"),
        "generation": {"deadline_s": 3600.0},
        "limits": {"videos_per_day": 100_000, "seconds_per_day": 1_000_000, "checks_per_hour": 100_000},
        "review": {"first_outputs": HELD_FIRST, "due_minutes": 600.0},
        # Models are most of a scan's cost and of a start, and have no part in what is tried here.
        "detectors": dict.fromkeys(MODELS_OFF, False),
        "audit": {"checkpoint_interval_s": 2.0},
        "generators": generators,
    }
    path = out / "safelight.toml"
    path.write_text(_toml(settings))
    return path


def _toml(table: Mapping[str, Any], name: str = "") -> str:
    """Plain values first, then the tables."""
    lines = [f"[{name}]"] if name else []
    lines += [f"{key} = {json.dumps(value)}" for key, value in table.items() if not isinstance(value, dict)]
    tables_of = {key: value for key, value in table.items() if isinstance(value, dict)}
    inner = [_toml(value, f"{name}.{key}" if name else key) for key, value in tables_of.items()]
    return "\n".join([*lines, "", *inner])


@dataclass(kw_only=True)
class Client:
    """Sends each job until the gateway has accepted it, always with the same idempotency key."""

    plan: Plan
    gateway: GatewayProcess
    key: str
    waiting: Callable[[], int]
    ids: dict[int, str] = field(default_factory=dict)
    #: Answers that a client does not repeat: status and body.
    unexpected: list[str] = field(default_factory=list)
    repeated: int = 0
    stopped: bool = False

    def send_all(self) -> None:
        left = deque(self.plan.jobs)
        while left and not self.stopped:
            while not self.stopped and len(self.ids) % 10 == 0 and self.waiting() > BACKLOG:
                time.sleep(0.5)
            job = left.popleft()
            if not self._send(job):
                # Its key may be held for minutes by the request that was killed; the others go on.
                left.append(job)
                time.sleep(0.1)

    def _send(self, job: Job) -> bool:
        """Whether the job needs no further request."""
        size = "640x360" if job.generator == "storyboard" else "1280x720"
        seconds = "1" if job.generator == "storyboard" else "4"
        body = {"prompt": job.prompt, "model": job.model, "seconds": seconds, "size": size}
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": f"job-{job.number}"}
        try:
            answer = httpx.post(f"{self.gateway.address}/v1/videos", json=body, headers=headers, timeout=60)
        except (httpx.HTTPError, httpx.InvalidURL):
            self.repeated += 1
            return False
        if answer.status_code == 200:
            self.ids[job.number] = str(answer.json()["id"])
            return True
        if answer.status_code in {409, 429} or answer.status_code >= 500:
            return False
        self.unexpected.append(f"job {job.number}: {answer.status_code} {answer.text[:300]}")
        return True


def run(*, jobs: int, seed: int, out: Path) -> Tally:
    chance, tally, began = random.Random(seed), Tally(), time.monotonic()
    clips = out / "clips"
    clips.mkdir()
    plan = plan_jobs(jobs, chance, clips)
    with ExitStack() as stack:
        upstreams = {
            name: stack.enter_context(
                ScriptedUpstream(
                    {"api_key": API_KEY, "models": [name]}, dialect=dialect, choose_rule=plan.choose
                )
            )
            for name, dialect in DIALECTS.items()
        }
        settings = write_settings(out, upstreams)
        gateway = GatewayProcess(settings, out / "gateway.log")
        gateway.call(
            "waivers", "add", "chaos", "--by", "bench", "--reason", "measuring kills", "--category", "*"
        )
        key = json.loads(gateway.call("keys", "create", "chaos", "--json"))["key"]
        container = load(settings)
        client = Client(plan=plan, gateway=gateway, key=key, waiting=partial(unfinished, container))
        sender = threading.Thread(target=client.send_all, name="client", daemon=True)
        sender.start()
        try:
            kill_until_sent(gateway, sender, tally, chance)
            gateway.start()
            give_up = time.monotonic() + END_S
            while unfinished(container) and time.monotonic() < give_up:
                time.sleep(1.0)
            gateway.stop()
        finally:
            client.stopped = True
            gateway.kill()
        tally.problems += client.unexpected
        tally.ends["requests that the client repeated"] = client.repeated
        counts = {name: upstream.counts for name, upstream in upstreams.items()}
    judge(container, plan, client.ids, counts, tally)
    tally.problems += [
        f"{file.name} was left" for file in sorted((out / "data" / "downloads").glob("*")) if file.is_file()
    ]
    tally.seconds = time.monotonic() - began
    return tally


def kill_until_sent(
    gateway: GatewayProcess, sender: threading.Thread, tally: Tally, chance: random.Random
) -> None:
    """Kill and start the gateway until all requests were accepted: one life in six ends while it starts."""
    start_s = 5.0
    while sender.is_alive():
        began, while_starting = time.monotonic(), chance.random() < 1 / 6
        timer = threading.Timer(chance.uniform(0.0, start_s), gateway.kill)
        if while_starting:
            timer.start()
        try:
            gateway.start()
        except RuntimeError:
            tally.kills["while it started"] += 1
            continue
        finally:
            timer.cancel()
        start_s = time.monotonic() - began
        sender.join(chance.uniform(0.1, 2.0) * start_s)
        gateway.kill()
        tally.kills["while it worked"] += 1


def judge(
    container: Container,
    plan: Plan,
    ids: Mapping[int, str],
    counts: Mapping[str, Mapping[str, Any]],
    tally: Tally,
) -> None:
    """What must hold after all that, counted at the upstreams."""
    with container.persistence.database.read_transaction(container.persistence.tenant) as tx:
        videos = {row.id: row for row in tx.select(tables.videos)}
        attempts = list(tx.select(tables.attempts))
    known = {row.video_id for row in attempts if row.upstream_id}
    if len(videos) != len(plan.jobs):
        tally.problems.append(f"{len(videos)} videos for {len(plan.jobs)} requests")
    for job in plan.jobs:
        if job.number not in ids:
            continue
        video = videos[ids[job.number]]
        end = video.state if video.state != "failed" else f"failed/{video.error_code}"
        tally.ends[f"{job.generator}: {end}"] += 1
        if end not in _expected(job, known=video.id in known):
            tally.problems.append(
                f"{video.id} ({job.generator}, {job.trouble or 'success'}) ended {end}: {video.error_message}"
            )
        if job.generator in counts:
            accepted = counts[job.generator]["accepted_by_prompt"].get(job.prompt, 0)
            tally.ends[f"{job.generator}: submissions accepted"] += accepted
            if accepted > 1 and job.generator not in OWN:
                tally.problems.append(f"{job.generator} accepted {accepted} submissions of {video.id}")
    verify_log(container, tally)


def _expected(job: Job, *, known: bool) -> set[str]:
    """The ends that a job may have. `known`: whether the gateway has the upstream's id of a submission."""
    if not known and job.generator in {"veo", "vertex", "runway", "fal"}:
        # They cannot say what became of a submission whose answer was lost.
        return {"failed/submit_unknown"}
    if job.generator == "storyboard":
        return {"delivered", "held"}
    ends = {
        "link dead": {"failed/upstream_invalid"},
        "no clip": {"failed/upstream_invalid"},
        "card": {"blocked"},
        "refused": {"blocked"},
        "failed": {"failed/upstream_error"},
    }
    return ends.get(job.trouble, {"delivered", "held"})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    out = Path(tempfile.mkdtemp(prefix="safelight-adapters-"))
    tally = run(jobs=options.jobs, seed=options.seed, out=out)
    print(f"{options.jobs} jobs in {tally.seconds:.0f} s")
    print(f"  kills: {sum(tally.kills.values())} {dict(tally.kills)}")
    for name, number in sorted(tally.ends.items()):
        print(f"  {number:6} {name}")
    for problem in tally.problems:
        print(f"  PROBLEM {problem}")
    if not tally.problems:
        shutil.rmtree(out, ignore_errors=True)
    else:
        print(f"  Everything is in {out}.")
    return 1 if tally.problems else 0


if __name__ == "__main__":
    sys.exit(main())
