"""Lint prompts of at most 60 tokens on one core, with the light stack and with all detectors.

    python -m bench.lint [--rounds 3] [--data prompts.jsonl ...]

The prompts are the English sets of bench/prompts, each prompt once, those with more than 60 tokens of MiniLM's
tokenizer left out. The light stack is every detector but MiniLM. Linted are single prompts, as `safelight lint`
does, without a provider and with one, and then one file with all of them by the command itself.
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
from typing import Any

from safelight.bootstrap import Container, load
from safelight.cli.prompt_checker import PromptChecker
from safelight.detectors.text.minilm.cache import default_folder
from safelight.detectors.text.minilm.encoder import Encoder
from safelight.detectors.text.minilm.package import NOT_INSTALLED, find_weights
from safelight.linting.lint_prompt import FilePlace, LintPrompt
from safelight.linting.prompt_linter import LintOptions, PromptLinter

MAX_TOKENS = 60
PROMPTS = Path(__file__).parent / "prompts"
#: A provider whose model is documented, and about which creators report most.
PROVIDER = "sora"


def read_prompts(files: list[Path]) -> list[str]:
    weights = find_weights()
    if weights is None:
        raise SystemExit(NOT_INSTALLED)
    encoder = Encoder(weights, default_folder())
    rows = [
        json.loads(line) for file in files for line in file.read_text("utf-8").splitlines() if line.strip()
    ]
    texts = dict.fromkeys(" ".join(row["text"].split()) for row in rows)
    return [text for text in texts if 0 < tokens_of(encoder, text) <= MAX_TOKENS]


def tokens_of(encoder: Encoder, text: str) -> int:
    return sum(len(window.ids) for window in encoder.windows(text))


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
    checker = PromptChecker(container, None)
    findings = 0
    for turn in range(rounds + 1):
        linter = PromptLinter(checker.check, container.core.taxonomy, options)
        if turn == 1:
            began, busy, findings = time.perf_counter(), time.process_time(), 0
        for item in items:
            findings += len(linter.lint("a.txt", item)[0])
    count = rounds * len(items)
    return {
        "per_second": round(count / (time.perf_counter() - began), 1),
        "per_cpu_second": round(count / (time.process_time() - busy), 1),
        "findings_per_prompt": round(findings / count, 2),
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, nargs="+", default=sorted(PROMPTS.glob("unseen-*-en.jsonl")))
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    prompts = read_prompts(given.data)
    figures: dict[str, Any] = {
        "python": platform.python_version(),
        "load": os.getloadavg()[0],
        "prompts": len(prompts),
        "words": round(sum(len(text.split()) for text in prompts) / len(prompts), 1),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for light in (True, False):
            container = configured(folder, light=light)
            stack = "light" if light else "full"
            figures[stack] = measured(container, prompts, "", given.rounds)
            figures[f"{stack}, provider"] = measured(container, prompts, PROVIDER, given.rounds)
            figures[f"{stack}, command"] = command(folder, prompts, light=light)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
