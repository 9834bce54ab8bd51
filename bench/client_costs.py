"""What a delivered second costs with our client, a naive retry, and a program that people copy. Simulated.

`python -m bench.client_costs [--jobs 250] [--seed 7]`. With faults, every job has one of those of the
scenario that the tests of the clients share, or a block by a policy; without, only every 25th has that
block. Besides, each generation is blocked with the probability of the noise; half of these blocks are
charged. The copied program needs Node.js and `make sdks`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import safelight_client as sc
from safelight.policy.statistics import wilson
from safelight.testing.upstream import Scenario, ScenarioRule, ScriptedUpstream
from safelight.testing.upstream.scenario import load_scenario

_ROOT = Path(__file__).resolve().parents[1]
_SHARED = json.loads((_ROOT / "tests" / "client" / "scenarios.json").read_text("utf-8"))
_SAMPLE = _ROOT / "tests" / "sdk" / "node" / "sample_generator.mjs"
#: The correction that the copied program needs, and its last line, which makes one video.
_FIELDS = ("duration, resolution });", "seconds: String(duration), size: resolution });")
_TIMEOUT = ("timeoutMs = 300000", "timeoutMs = 4000")
_MODEL = ('model: "sora-2"', 'model: "first"')
_LOOP = """
import { text } from "node:stream/consumers";
const prompts = JSON.parse(await text(process.stdin)), made = {}, queue = [...prompts];
async function work() {
  for (let prompt = queue.shift(); prompt !== undefined; prompt = queue.shift()) {
    const { success, videoId } = await new VideoGenerator().generateVideo(prompt);
    made[prompt] = success ? videoId : "";
  }
}
await Promise.all(Array.from({ length: 16 }, work));
console.log(JSON.stringify(made));
"""
_NOISES = (0.0, 0.1, 0.3)
_SECONDS, _PRICE_USD = 4, 0.4
_AT_ONCE = 16
#: Longest wait for one video. The others finish within a second.
_DEADLINE_S = 4.0
_TRIES = 3
_RESAMPLES = 2_000
_BLOCK = {
    "code": "moderation_blocked",
    "message": "Blocked.",
    "moderation_details": {"moderation_stage": "output"},
}
_POLICY = {"name": "policy block", "rule": {"submit": {"status": 400, "code": "sentinel_block"}}}


@dataclass(frozen=True, kw_only=True)
class Job:
    prompt: str
    fault: str
    rule: ScenarioRule


def make_jobs(count: int, *, with_faults: bool) -> list[Job]:
    none, *others = _SHARED["faults"]
    faults = [none, *(others if with_faults else [none] * len(others)), _POLICY]
    chosen = [(f"Scene {n:05}, a tram at dusk", faults[n % len(faults)]) for n in range(count)]
    rules = load_scenario({"orders": [fault["rule"] for _, fault in chosen]}).orders
    return [
        Job(prompt=prompt, fault=fault["name"], rule=rule)
        for (prompt, fault), rule in zip(chosen, rules, strict=True)
    ]


class NoisyServer:
    """A scripted upstream that blocks outputs at random, and the log of the creates that it received."""

    def __init__(self, jobs: list[Job], noise: float, seed: int) -> None:
        self._rules = {job.prompt: job.rule for job in jobs}
        self._noise, self._seed = noise, seed
        blocks = load_scenario({"orders": [self._blocked(refund=False), self._blocked(refund=True)]}).orders
        self._charged, self._refunded = blocks
        #: Model and rule of each create, by prompt.
        self.creates: dict[str, list[tuple[str, ScenarioRule]]] = {job.prompt: [] for job in jobs}

    def _blocked(self, *, refund: bool) -> dict[str, Any]:
        return {"polls": 0, "ends": "refused", "error": _BLOCK, "charge": _PRICE_USD, "refund": refund}

    def choose(self, fields: Mapping[str, Any], _number: int) -> ScenarioRule:
        prompt = str(fields["prompt"])
        before = self.creates[prompt]
        chance = random.Random(f"{self._seed} {prompt} {len(before)}")
        rule = self._rules[prompt]
        # A request that is refused at once, or whose answer is lost, meets the same fault again.
        if rule.submit.do == "ok" and rule.ends == "completed" and chance.random() < self._noise:
            rule = self._charged if chance.random() < 0.5 else self._refunded
        before.append((str(fields.get("model", "")), rule))
        return rule

    @contextmanager
    def running(self) -> Iterator[ScriptedUpstream]:
        scenario = Scenario(models=("first", "second"), **_SHARED["servers"]["lists"])
        with ScriptedUpstream(scenario, choose_rule=self.choose) as upstream:
            yield upstream


def costs_of(upstream: ScriptedUpstream) -> Mapping[str, float]:
    """What each prompt costs once all its accepted requests have ended, also those that nobody polls."""
    costs: defaultdict[str, float] = defaultdict(float)
    for entry in upstream._book.orders.values():  # noqa: SLF001  # `counts` has no costs of unpolled videos.
        refunded = entry.rule.refund and entry.rule.ends != "completed"
        costs[entry.prompt] += 0.0 if refunded else entry.rule.charge or 0.0
    return costs


def run_ours(url: str, prompts: list[str]) -> dict[str, bool]:
    retries = sc.RetryPolicy(first_s=0.01, max_s=0.05, poll_s=0.01, max_poll_s=0.02, vanished_after_s=0.1)
    choices = [sc.ModelChoice(model=name, usd_per_second=0.1) for name in ("first", "second")]
    plan = sc.Plan(models=choices, max_usd=_PRICE_USD * _TRIES, deadline_s=_DEADLINE_S)
    with sc.Client(url, retries=retries) as client, tempfile.TemporaryDirectory() as folder:

        def one(prompt: str) -> bool:
            try:
                video = client.generate(prompt, plan, seconds=str(_SECONDS)).video
                client.download(video, Path(folder) / f"{video.id}.mp4")
            except sc.ClientError:
                return False
            return True

        return in_parallel(one, prompts)


def run_naive(url: str, prompts: list[str]) -> dict[str, bool]:
    """Everything again after every error, three times at most, as in many scripts."""
    with httpx.Client(base_url=url, timeout=_DEADLINE_S, trust_env=False) as http:

        def attempt(prompt: str) -> bool:
            fields = {"prompt": prompt, "model": "first", "seconds": str(_SECONDS)}
            video = http.post("/videos", json=fields).raise_for_status().json()["id"]
            until = time.monotonic() + _DEADLINE_S
            while time.monotonic() < until:
                status = http.get(f"/videos/{video}").raise_for_status().json()["status"]
                if status == "failed":
                    return False
                if status == "completed":
                    return is_delivered(http, video)
                time.sleep(0.01)
            return False

        def one(prompt: str) -> bool:
            for _ in range(_TRIES):
                try:
                    if attempt(prompt):
                        return True
                except (httpx.HTTPError, ValueError, KeyError, TypeError):
                    continue
            return False

        return in_parallel(one, prompts)


def run_sample(url: str, prompts: list[str]) -> dict[str, bool]:
    """The program for TypeScript that articles print, with the `openai` SDK and one correction."""
    code = _SAMPLE.read_text("utf-8")
    for old, new in (_FIELDS, _TIMEOUT, _MODEL):
        assert code.count(old) == 1, old
        code = code.replace(old, new)
    code = code[: code.index("console.log(")] + _LOOP
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code, url, "key", "0.01"],
        input=json.dumps(prompts),
        cwd=_SAMPLE.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    made = json.loads(done.stdout)
    with httpx.Client(base_url=url, timeout=_DEADLINE_S, trust_env=False) as http:

        def one(prompt: str) -> bool:
            try:
                return bool(made[prompt]) and is_delivered(http, made[prompt])
            except httpx.HTTPError:
                return False

        return in_parallel(one, prompts)


def is_delivered(http: httpx.Client, video: str) -> bool:
    """Whether one download gives a whole MP4 file."""
    answer = http.get(f"/videos/{video}/content").raise_for_status()
    return answer.content[4:8] == b"ftyp"


def in_parallel(one: Callable[[str], bool], prompts: list[str]) -> dict[str, bool]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(prompts, pool.map(one, prompts), strict=True))


CLIENTS = {"ours": run_ours, "naive retry": run_naive, "copied program": run_sample}


def follow_ups(jobs: list[Job], server: NoisyServer) -> dict[str, int]:
    """Creates after blocks, by the log of the server."""
    found = {"after_policy_block": 0, "most_after_output_block": 0, "other_model_after_block": 0}
    for job in jobs:
        creates = server.creates[job.prompt]
        if job.fault == "policy block":
            found["after_policy_block"] += max(len(creates) - 1, 0)
        blocks = [
            place
            for place, (_, rule) in enumerate(creates)
            if rule.ends == "refused" or rule.submit.code in ("sentinel_block", "moderation_blocked")
        ]
        if blocks:
            later = creates[blocks[0] + 1 :]
            if creates[blocks[0]][1].ends == "refused":
                found["most_after_output_block"] = max(found["most_after_output_block"], len(later))
            found["other_model_after_block"] += sum(model != creates[blocks[0]][0] for model, _ in later)
    return found


def per_second(costs: Mapping[str, float], delivered: Mapping[str, bool], prompts: list[str]) -> float:
    seconds = _SECONDS * sum(delivered[prompt] for prompt in prompts)
    return sum(costs[prompt] for prompt in prompts) / seconds if seconds else float("inf")


Measured = tuple[Mapping[str, float], Mapping[str, bool]]


def saving(ours: Measured, other: Measured, prompts: list[str], seed: int) -> list[float]:
    """By how much a delivered second is cheaper with our client, in percent, with its 95 % interval."""
    chance = random.Random(seed)

    def share(sample: list[str]) -> float:
        return 100 * (1 - per_second(*ours, sample) / per_second(*other, sample))

    drawn = sorted(share(chance.choices(prompts, k=len(prompts))) for _ in range(_RESAMPLES))
    low, high = drawn[int(0.025 * _RESAMPLES)], drawn[int(0.975 * _RESAMPLES)]
    return [round(value, 1) for value in (share(prompts), low, high)]


def compare(jobs: list[Job], noise: float, seed: int, *, with_faults: bool) -> None:
    """Run all clients on the same jobs, and print a line for each and one for the saving."""
    prompts = [job.prompt for job in jobs]
    scene = {"faults": with_faults, "noise": noise}
    measured: dict[str, Measured] = {}
    for name, run in CLIENTS.items():
        server = NoisyServer(jobs, noise, seed)
        with server.running() as upstream:
            delivered = run(upstream.url, prompts)
            costs = costs_of(upstream)
        measured[name] = costs, delivered
        count = sum(delivered.values())
        rates = (count / len(jobs), *wilson(count, len(jobs)))
        line = {
            **scene,
            "client": name,
            "delivered": f"{count}/{len(jobs)}",
            "success": [round(100 * rate, 1) for rate in rates],
            "usd": round(sum(costs.values()), 2),
            "usd_per_second": round(per_second(costs, delivered, prompts), 4),
            "creates": sum(map(len, server.creates.values())),
            **follow_ups(jobs, server),
        }
        print(json.dumps(line), flush=True)
    others = {name: per_second(*found, prompts) for name, found in measured.items() if name != "ours"}
    best = min(others, key=others.__getitem__)
    lower = saving(measured["ours"], measured[best], prompts, seed)
    # A delivered second costs its price at least, so no client can save more than what is above it.
    most = 100 * (1 - _PRICE_USD / _SECONDS / others[best])
    result = {"best_of_the_others": best, "saving": lower, "largest_possible_saving": round(most, 1)}
    print(json.dumps({**scene, **result}), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=250)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    for with_faults in (True, False):
        jobs = make_jobs(options.jobs, with_faults=with_faults)
        for noise in _NOISES:
            compare(jobs, noise, options.seed, with_faults=with_faults)
    return 0


if __name__ == "__main__":
    sys.exit(main())
