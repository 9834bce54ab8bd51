"""Measures steering and watching in worlds that `toy_world` trained, beside other methods.

    .venvs/steer/bin/python packages/steer/bench/toy_measure.py build/toy-0 build/toy-1

What was measured is kept in `cells.json` of its world, in batches of 20 clips, so that a run that was ended
goes on where it stopped, and a run with more clips adds to it; after a change of a method, delete the file.
Each cell gets its first batch before any gets its second. `--kept` measures nothing and prints what is there.

Constants are searched by `TUNING` wordings in the first world and used in all; what is reported was drawn by
`PARAPHRASES` and other noise.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from toy_baselines import Safree, Sld, sample
from toy_world import (
    ATTACKS,
    CAPTIONS,
    COLOURS,
    GROUNDS,
    LABELS,
    LOOK,
    MATERIAL,
    PARAPHRASES,
    RELATION,
    STEPS,
    TUNING,
    arguments,
    load,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from safelight_steer.errors import ModerationBlocked
from safelight_steer.guidance import GuidanceSettings
from safelight_steer.latent_head import LatentHead
from safelight_steer.plan import Concept, Method, SteeringPlan
from safelight_steer.record import GenerationRecord
from safelight_steer.sequential_test import Boundary, SequentialTest, upper_bound
from safelight_steer.steered_pipeline import SteeredPipeline
from safelight_steer.watcher import Estimate, Watch, check_steps

#: Clips in one call of the pipeline.
BATCH = 20
CHECKS = 6
#: Clips of each of the groups by which constants are searched.
SEARCH_CLIPS = 12
#: The heading of a page under which the tables stand, to its end.
TABLES = "## Tables"
CONCEPTS: dict[str, Concept] = {"look": LOOK, "relation": RELATION}


@dataclass(frozen=True)
class Steered:
    """A plan of this package."""

    methods: frozenset[Method] = frozenset()
    guidance: GuidanceSettings | None = None


Steering = Steered | Safree | Sld


@dataclass(frozen=True)
class Group:
    """Prompts of one kind, and what is counted among the clips."""

    name: str
    wordings: tuple[str, ...]
    counted: str
    colour: str = ""
    #: `concept`, `implied`, `attack`, `near` (a harmless twin) or `unrelated`.
    role: str = "near"

    def prompts(self, count: int) -> list[str]:
        return texts(self.wordings, self.colour, count)


def texts(wordings: Sequence[str], colour: str, count: int) -> list[str]:
    grounds = list(GROUNDS)
    return [
        wordings[i // 3 % len(wordings)].format(c=colour, g=grounds[i % 3], m=MATERIAL.get(colour, ""))
        for i in range(count)
    ]


def groups(concept: str, wordings: Mapping[str, tuple[str, ...]]) -> list[Group]:
    def group(kind: str, colour: str = "", role: str = "near", name: str = "", counted: str = "") -> Group:
        label = f"{colour} {kind}".strip()
        return Group(name or label, wordings[kind], counted or label, colour, role)

    if concept == "look":
        return [
            group("splash", "red", "concept"),
            group("ball", "red"),
            group("splash", "blue"),
            group("ball", "yellow"),
            group("together", role="unrelated", name="square with circle"),
        ]
    return [
        group("hit", role="concept"),
        group("apart"),
        group("together"),
        group("splash", "blue", "unrelated"),
    ]


def reported(concept: str) -> list[Group]:
    found = groups(concept, PARAPHRASES)
    counted = found[0].counted
    if concept == "relation":
        found.insert(1, Group("implied", PARAPHRASES["implied"], counted, role="implied"))
    return [*found, Group("attack", ATTACKS[concept], counted, role="attack")]


class World:
    def __init__(self, folder: Path, *, kept: bool = False) -> None:
        """`kept`: nothing is measured; a cell that is not there is None."""
        self.pipeline, self.judge, self.facts = load(folder)
        self.name = str(self.facts["seed"])
        self._path = folder / "cells.json"
        self._kept = kept

    def cell(self, key: str, measure: Callable[[], Any]) -> Any:
        if key in (cells := self._read()) or self._kept:
            return cells.get(key)
        started = time.monotonic()
        value = measure()
        # Read again: another process may measure other cells.
        written = self._path.with_suffix(f".{os.getpid()}")
        written.write_text(json.dumps(self._read() | {key: value}, indent=1) + "\n")
        written.replace(self._path)
        print(f"world {self.name}  {time.monotonic() - started:4.0f} s  {key}  {value}", flush=True)
        return value

    def _read(self) -> dict[str, Any]:
        cells: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return cells

    def labels(self, clips: Tensor) -> list[str]:
        """What was drawn in clips (batch, 3, frames, side, side) with values from 0 to 1."""
        with torch.no_grad():
            return [LABELS[i] for i in self.judge(clips * 2 - 1).argmax(dim=1).tolist()]

    def draw(
        self, concept: str, steering: Steering, prompts: Sequence[str], first_seed: int
    ) -> dict[str, Any]:
        """One call of the pipeline, and what was drawn."""
        seeds = [first_seed + i for i in range(len(prompts))]
        opened, started = 0, time.process_time()
        if isinstance(steering, Steered):
            plan = SteeringPlan(
                concepts=(CONCEPTS[concept],) if steering.methods else (), methods=steering.methods
            )
            made = SteeredPipeline(self.pipeline, guidance=steering.guidance).generate(
                plan, **batch_arguments(prompts, seeds)
            )
            clips, calls = frames(made.output), made.record.denoiser_calls
            opened = sum(gate.opened for gate in made.record.gates)
        else:
            clips, calls = sample(
                self.pipeline, prompts, seeds, phrases=CONCEPTS[concept].phrases, method=steering
            )
        seconds = time.process_time() - started
        return {
            "clips": len(prompts),
            "drawn": dict(Counter(self.labels(clips)).most_common()),
            "opened": opened,
            "calls": calls,
            "seconds": round(seconds, 2),
        }


def batches(prompts: Sequence[str], first_seed: int) -> Iterator[tuple[list[str], list[int]]]:
    for start in range(0, len(prompts), BATCH):
        part = list(prompts[start : start + BATCH])
        yield part, [first_seed + start + i for i in range(len(part))]


def batch_arguments(prompts: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    made = [torch.Generator().manual_seed(seed) for seed in seeds]
    return arguments("", 0) | {"prompt": list(prompts), "generator": made}


def frames(output: Any) -> Tensor:
    return torch.as_tensor(output.frames).permute(0, 2, 1, 3, 4)


def check_loop(world: World) -> None:
    """The loop of the other methods gives the pipeline's own clips if none is used."""
    prompts, seeds = next(batches(groups("look", PARAPHRASES)[0].prompts(4), 1))
    own = frames(world.pipeline(**batch_arguments(prompts, seeds)))
    again, _ = sample(world.pipeline, prompts, seeds)
    torch.testing.assert_close(again, own, rtol=1e-3, atol=1e-3)


# Search of constants


def grids() -> dict[str, list[Steering]]:
    """As many values for each method."""
    arm = frozenset({Method.GUIDANCE})
    return {
        "safety arm": [
            Steered(arm, GuidanceSettings(strength=strength, threshold=threshold, warm_up_share=0.0))
            for strength, threshold in itertools.product((0.3, 1.0, 3.0), (0.1, 0.5))
        ],
        "SLD": [
            Sld(scale=scale, threshold=threshold, warm_up_share=0.0, momentum=0.3, momentum_decay=0.4)
            for scale, threshold in itertools.product((1.0, 5.0, 20.0), (0.025, 0.5))
        ],
        "SAFREE": [
            Safree(alpha=0.01, share=share, mean=mean)
            for share, mean in itertools.product((0.375, 0.75, 1.0), (False, True))
        ],
    }


def search(world: World, concept: str, candidates: Sequence[Steering]) -> Steering | None:
    """The constants with the least sum of what is left of the concept and what is lost of its twins."""
    wanted = [group for group in groups(concept, TUNING) if group.role in ("concept", "near")]

    def shares(steering: Steering) -> list[float]:
        """The share of the clips that show what each group counts; empty if it was not measured."""
        cells = [
            world.cell(
                f"search {concept} | {group.name} | {steering}",
                lambda g=group: world.draw(concept, steering, g.prompts(SEARCH_CLIPS), 60_000),
            )
            for group in wanted
        ]
        if None in cells:
            return []
        return [
            cell["drawn"].get(g.counted, 0) / cell["clips"] for g, cell in zip(wanted, cells, strict=True)
        ]

    plain = shares(Steered())

    def cost(steering: Steering) -> float:
        now = shares(steering)
        lost = [max(0.0, before - after) for before, after in zip(plain[1:], now[1:], strict=True)]
        return now[0] + sum(lost) / len(lost)

    if not plain or not all(shares(steering) for steering in candidates):
        return None
    return min(candidates, key=cost)


#: Methods whose constants are not searched, each with whether it gets the clips of `--clips`.
FIXED: dict[str, tuple[Steered, bool]] = {
    "none": (Steered(), True),
    "`embedding`": (Steered(frozenset({Method.EMBEDDING})), True),
    "`embedding`, `anchor`": (Steered(frozenset({Method.EMBEDDING, Method.ANCHOR})), True),
    "the same with `negative`": (
        Steered(frozenset({Method.EMBEDDING, Method.ANCHOR, Method.NEGATIVE})),
        False,
    ),
    "negative prompt": (Steered(frozenset({Method.NEGATIVE})), False),
}


# Watching


@dataclass(frozen=True)
class Trace:
    """The estimates of one whole clip at its checks, in the order of the steps, and what was drawn."""

    estimates: list[Tensor]
    drawn: str


def traces(world: World, prompts: Sequence[str], first_seed: int) -> list[Trace]:
    """Watching changes no clip."""
    plan = SteeringPlan(methods=frozenset({Method.WATCHING}))
    found: list[Trace] = []
    for part, seeds in batches(prompts, first_seed):
        seen: list[Tensor] = []

        def detector(estimate: Estimate, seen: list[Tensor] = seen) -> float:
            seen.append(estimate.latents)
            return 0.0

        watch = Watch(name="trace", detector=detector, boundary=Boundary.fixed(1.0), checks=CHECKS)
        made = SteeredPipeline(world.pipeline, watches=[watch]).generate(plan, **batch_arguments(part, seeds))
        for i, drawn in enumerate(world.labels(frames(made.output))):
            found.append(Trace([latents[i : i + 1] for latents in seen], drawn))
    return found


def safe_prompts(count: int, source: Mapping[str, tuple[str, ...]]) -> list[str]:
    kinds = [(k, c) for k in ("ball", "splash") for c in COLOURS if (k, c) != ("splash", "red")]
    kinds += [("apart", ""), ("together", ""), ("hit", "")]
    each = [texts(source[kind], colour, count // len(kinds) + 1) for kind, colour in kinds]
    return [text for row in zip(*each, strict=True) for text in row][:count]


def measure_watching(world: World, *, fit: int, safe: int, unsafe: int) -> dict[str, Any]:
    """The head is fitted on captions, the limit on the wordings for tuning; both are counted on others."""
    concept = "red splash"
    head = LatentHead.fit(
        [x for trace in traces(world, safe_prompts(80, CAPTIONS), 10_000) for x in trace.estimates],
        [x for trace in traces(world, texts(CAPTIONS["splash"], "red", 40), 20_000) for x in trace.estimates],
        channel_axis=1,
    )

    def score(latents: Tensor) -> float:
        return head(Estimate(step=0, steps=STEPS, latents=latents, frames=lambda: torch.empty(0)))

    # What shows the concept is no safe clip, whatever its prompt asked for.
    fitting = [t for t in traces(world, safe_prompts(fit, TUNING), 30_000) if t.drawn != concept]
    boundary = Boundary.fit([[score(x) for x in t.estimates] for t in fitting], false_abort_rate=0.01)

    def stopped(trace: Trace) -> int | None:
        test = SequentialTest(boundary)
        return next((i for i, latents in enumerate(trace.estimates) if test.add(score(latents))), None)

    asked_safe = [(t.drawn, stopped(t)) for t in traces(world, safe_prompts(safe, PARAPHRASES), 40_000)]
    asked_unsafe = [
        (t.drawn, stopped(t)) for t in traces(world, texts(PARAPHRASES["splash"], "red", unsafe), 50_000)
    ]
    at = check_steps(STEPS, CHECKS)
    are_safe = [stop for drawn, stop in asked_safe if drawn != concept]
    are_unsafe = [stop for drawn, stop in asked_unsafe if drawn == concept]
    drifted = [stop for drawn, stop in asked_safe if drawn == concept]
    false = sum(stop is not None for stop in are_safe)
    return {
        "clips that fitted the limit": boundary.clips,
        "safe clips": len(are_safe),
        "false aborts": false,
        "upper bound (95 %)": round(upper_bound(false, len(are_safe)), 4),
        "safe prompts that drew the concept": len(drifted),
        "of them aborted": sum(stop is not None for stop in drifted),
        "unsafe clips": len(are_unsafe),
        "aborted": sum(stop is not None for stop in are_unsafe),
        "aborted before half of the steps": sum(
            stop is not None and at[stop] + 1 < STEPS / 2 for stop in are_unsafe
        ),
        **_real_generations(world, head, boundary, [stop for _, stop in asked_unsafe[:20]]),
    }


def _real_generations(
    world: World, head: LatentHead, boundary: Boundary, expected: Sequence[int | None]
) -> dict[str, Any]:
    """The same decisions one generation at a time, and the share of the time for reading."""
    spent = 0.0

    def timed(reader: Callable[[Estimate], float]) -> Callable[[Estimate], float]:
        def read(estimate: Estimate) -> float:
            nonlocal spent
            started = time.perf_counter()
            value = float(reader(estimate))
            spent += time.perf_counter() - started
            return value

        return read

    plan = SteeringPlan(methods=frozenset({Method.WATCHING}))
    at = check_steps(STEPS, CHECKS)
    one = SteeredPipeline(
        world.pipeline, watches=[Watch(name="red", detector=head, boundary=boundary, checks=CHECKS)]
    )
    agree = 0
    for i, prompt in enumerate(texts(PARAPHRASES["splash"], "red", len(expected))):
        try:
            one.generate(plan, record=GenerationRecord(), **arguments(prompt, 50_000 + i))
            step = None
        except ModerationBlocked as error:
            step = error.step
        stop = expected[i]
        agree += step == (None if stop is None else at[stop])
    shares = {}
    # Clips that run to their end.
    for name, reader in {"latents": head, "a decoded frame": lambda e: e.frames().mean()}.items():
        spent = 0.0
        watch = Watch(name=name, detector=timed(reader), boundary=Boundary.fixed(2.0), checks=CHECKS)
        whole = SteeredPipeline(world.pipeline, watches=[watch])
        started = time.perf_counter()
        for i, prompt in enumerate(safe_prompts(10, PARAPHRASES)):
            whole.generate(plan, **arguments(prompt, i))
        shares[name] = round(spent / (time.perf_counter() - started), 4)
    return {
        "stopped in the same step one by one": f"{agree} of {len(expected)}",
        "share of the time for reading": shares,
    }


# Tables


@dataclass
class Row:
    """What one method drew in one world, a sum of batches for each group."""

    name: str
    cells: dict[str, list[dict[str, Any]]]

    def count(self, group: Group, what: str = "") -> int:
        return sum(cell["drawn"].get(what or group.counted, 0) for cell in self.cells[group.name])

    def clips(self, group: Group) -> int:
        return sum(cell["clips"] for cell in self.cells[group.name])

    def text(self, world: str, wanted: Sequence[Group]) -> str:
        every = [cell for group in wanted for cell in self.cells[group.name]]
        if not every:
            return f"| {world} | {self.name} |" + " - |" * (len(wanted) + 2)
        counts = [f"{self.count(g)} of {self.clips(g)}" if self.clips(g) else "-" for g in wanted]
        calls = sum(cell["calls"] for cell in every) / len(every)
        seconds = sum(cell["seconds"] for cell in every) / sum(cell["clips"] for cell in every)
        return f"| {world} | {self.name} | {' | '.join(counts)} | {calls:.0f} | {seconds:.3f} |"


def measure_steering(worlds: Sequence[World], concept: str, *, clips: int, others: int) -> list[str]:
    wanted = reported(concept)
    rows: dict[str, list[Row]] = {}

    def measure(name: str, steering: Steering, batch: int, most: int) -> None:
        if batch * BATCH >= most:
            return
        # With the constants of the search. A set of methods has no fixed order.
        key = name if name in FIXED else f"{name} {steering}"
        made = rows.setdefault(name, [Row(name, {g.name: [] for g in wanted}) for _ in worlds])
        for world, row in zip(worlds, made, strict=True):
            for group in wanted:
                part = slice(batch * BATCH, min(most, (batch + 1) * BATCH))
                cell = world.cell(
                    f"{concept} | {group.name} | {key} | {part.start} to {part.stop}",
                    lambda w=world, g=group, p=part: w.draw(
                        concept, steering, g.prompts(p.stop)[p], 1_000 + p.start
                    ),
                )
                if cell is not None:
                    row.cells[group.name].append(cell)

    searched: dict[str, Steering] = {}
    for batch in range(-(-clips // BATCH)):
        for name, (steering, is_ours) in FIXED.items():
            measure(name, steering, batch, clips if is_ours else others)
        for name, candidates in grids().items():
            found = searched.get(name) or search(worlds[0], concept, candidates)
            if found is not None:
                searched[name] = found
                measure(name, found, batch, others)
    return _steering_lines(worlds, concept, wanted, rows, searched)


def _steering_lines(
    worlds: Sequence[World],
    concept: str,
    wanted: Sequence[Group],
    rows: Mapping[str, Sequence[Row]],
    searched: Mapping[str, Steering],
) -> list[str]:
    titles = [group.name if group.role == "near" else f"{group.name} ({group.role})" for group in wanted]
    head = ["world", "steering", *titles, "denoiser calls", "seconds"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for i, world in enumerate(worlds):
        lines += [made[i].text(world.name, wanted) for made in rows.values()]
    anchor = {"look": "blue splash", "relation": "together"}[concept]
    first = wanted[0]
    plain = rows["`embedding`"]
    opened = []
    for group in wanted:
        gates = sum(cell["opened"] for row in plain for cell in row.cells[group.name])
        opened.append(f"{group.name} {gates} of {sum(row.clips(group) for row in plain)}")
    anchored = rows["`embedding`, `anchor`"]
    return [
        *lines,
        "",
        f"- The gate of `embedding` opened for: {', '.join(opened)}.",
        f"- With `anchor`, {sum(row.count(first, anchor) for row in anchored)} of "
        f"{sum(row.clips(first) for row in anchored)} clips for the concept show the anchor ({anchor}).",
        *(
            f"- Found by the search: `{one.guidance if isinstance(one, Steered) else one}` ({name})."
            for name, one in searched.items()
        ),
    ]


def watching_lines(worlds: Sequence[World], *, fit: int, safe: int, unsafe: int) -> list[str]:
    cells = {
        world.name: world.cell(
            f"watching | {fit} | {safe} | {unsafe}",
            lambda w=world: measure_watching(w, fit=fit, safe=safe, unsafe=unsafe),
        )
        for world in worlds
    }
    found = {name: cell for name, cell in cells.items() if cell is not None}
    if not found:
        return ["Not measured."]
    false, count = (sum(each[name] for each in found.values()) for name in ("false aborts", "safe clips"))
    return [
        f"| world | {' | '.join(found)} |",
        "|" + " --- |" * (len(found) + 1),
        *(
            f"| {name} | {' | '.join(str(each[name]) for each in found.values())} |"
            for name in next(iter(found.values()))
        ),
        "",
        f"False aborts in all: {false} of {count}; at most {100 * upper_bound(false, count):.1f} % (95 %).",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("worlds", type=Path, nargs="+")
    parser.add_argument(
        "--clips", type=int, default=100, help="clips a cell without steering and by `embedding`"
    )
    parser.add_argument("--others", type=int, default=40, help="clips a cell by other methods")
    parser.add_argument("--fit", type=int, default=450, help="clips for the limit of the watcher")
    parser.add_argument("--safe", type=int, default=500)
    parser.add_argument("--unsafe", type=int, default=100)
    parser.add_argument("--only", choices=[*CONCEPTS, "watching"], action="append")
    parser.add_argument("--kept", action="store_true", help="measure nothing, and print what is kept")
    parser.add_argument(
        "--report", type=Path, help="a Markdown file; what is after its line of tables is replaced"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    worlds = [World(folder, kept=given.kept) for folder in given.worlds]
    if not given.kept:
        for world in worlds:
            check_loop(world)
    lines = [
        f"- World {world.name}: {', '.join(f'{k} {v}' for k, v in world.facts.items())}." for world in worlds
    ]
    for name in given.only or ["look", "watching", "relation"]:
        lines += ["", f"### {name.capitalize()}", ""]
        if name == "watching":
            lines += watching_lines(worlds, fit=given.fit, safe=given.safe, unsafe=given.unsafe)
        else:
            lines += measure_steering(worlds, name, clips=given.clips, others=given.others)
    text = "\n".join(lines) + "\n"
    print(text)
    if given.report:
        before, _, _ = given.report.read_text().partition(TABLES)
        given.report.write_text(f"{before}{TABLES}\n\n{text}")


if __name__ == "__main__":
    main()
