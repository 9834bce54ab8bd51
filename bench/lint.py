"""Lint prompts of at most 60 tokens on one core, with the light stack and with all detectors.

    python -m bench.lint [--rounds 5] [--data prompts.jsonl ...]

The prompts are those of the English sets in bench/prompts that have at most 60 tokens of MiniLM's tokenizer,
each once. The light stack is every detector but MiniLM. Single prompts are linted as `safelight lint` does,
without a provider and with one, and then 10,000 lines by the command itself. `long` are the prompts with 25
tokens or more. Of the rounds over all prompts, the median and the fastest are printed: on a machine with
other work, the fastest is nearer to the cost of the work alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from safelight.bootstrap import Container, load
from safelight.cli.prompt_checker import PromptChecker
from safelight.detectors.text.minilm.cache import default_folder
from safelight.detectors.text.minilm.encoder import Encoder
from safelight.detectors.text.minilm.package import NOT_INSTALLED, find_weights
from safelight.linting.lint_prompt import FilePlace, LintPrompt
from safelight.linting.prompt_linter import LintOptions, PromptLinter

MAX_TOKENS, MIN_LONG_TOKENS = 60, 25
PROMPTS = Path(__file__).parent / "prompts"
#: A provider whose model is documented, and about which creators report most.
PROVIDER = "sora"


def read_prompts(files: list[Path]) -> dict[str, int]:
    """The prompts with their number of tokens."""
    weights = find_weights()
    if weights is None:
        raise SystemExit(NOT_INSTALLED)
    encoder = Encoder(weights, default_folder())
    rows = [
        json.loads(line) for file in files for line in file.read_text("utf-8").splitlines() if line.strip()
    ]
    texts = dict.fromkeys(" ".join(row["text"].split()) for row in rows)
    counted = {text: sum(len(window.ids) for window in encoder.windows(text)) for text in texts}
    return {text: tokens for text, tokens in counted.items() if 0 < tokens <= MAX_TOKENS}


def configured(folder: Path, *, light: bool) -> Container:
    settings = folder / f"{'light' if light else 'full'}.toml"
    settings.write_text(f'data = "{folder / "none"}"\n[detectors]\n' + ("minilm = false\n" if light else ""))
    return load(settings)


def measured(container: Container, prompts: list[str], provider: str, rounds: int) -> dict[str, Any]:
    """Prompts per second by the clock and of processor time, after one round to warm up."""
    options = LintOptions(provider=provider, locale="en", max_characters=32_000)
    items = [
        LintPrompt(text=text, chunk=text, start=FilePlace(line=1, column=1), offsets=range(len(text) + 1))
        for text in prompts
    ]
    check = PromptChecker(container, None).check
    findings = 0
    walls, works = list[float](), list[float]()
    for _ in range(rounds + 1):
        linter = PromptLinter(check, container.core.taxonomy, options)
        began, busy, findings = time.perf_counter(), time.process_time(), 0
        for item in items:
            findings += len(linter.lint("a.txt", item)[0])
        walls.append(len(items) / (time.perf_counter() - began))
        works.append(len(items) / (time.process_time() - busy))
    return {
        "prompts": len(items),
        "per_second": round(median(walls[1:]), 1),
        "per_cpu_second": round(median(works[1:]), 1),
        "per_cpu_second_fastest": round(max(works[1:]), 1),
        "findings_per_prompt": round(findings / len(items), 2),
    }


def command(folder: Path, prompts: list[str], *, light: bool) -> dict[str, Any]:
    """The command on one file of 10,000 lines, with its start."""
    file = folder / "many.txt"
    file.write_text("".join(f"{prompts[number % len(prompts)]}\n" for number in range(10_000)), "utf-8")
    settings = folder / f"{'light' if light else 'full'}.toml"
    began = time.perf_counter()
    run = subprocess.run(
        [sys.executable, "-m", "safelight", "--config", str(settings), "lint", str(file), "--json"],
        capture_output=True,
        check=False,
    )
    took = time.perf_counter() - began
    summary = json.loads(run.stdout)["summary"]
    return {
        "lines": summary["prompts"],
        "s": round(took, 1),
        "per_second": round(summary["prompts"] / took, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, nargs="+", default=sorted(PROMPTS.glob("unseen-*-en.jsonl")))
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    counted = read_prompts(given.data)
    prompts = list(counted)
    long = [text for text, tokens in counted.items() if tokens >= MIN_LONG_TOKENS]
    figures: dict[str, Any] = {
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "tokens": round(sum(counted.values()) / len(counted), 1),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for light in (True, False):
            container = configured(folder, light=light)
            stack = "light" if light else "full"
            figures[stack] = measured(container, prompts, "", given.rounds)
            figures[f"{stack}, provider"] = measured(container, prompts, PROVIDER, given.rounds)
            figures[f"{stack}, long"] = measured(container, long, "", given.rounds)
            figures[f"{stack}, command"] = command(folder, prompts, light=light)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
