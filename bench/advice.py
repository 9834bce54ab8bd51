"""What the advice adds to a check: in the process of the server, and on the command line.

python -m bench.advice
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from safelight.advice.prompt_advice import AdviceOptions, ScreenedRequest, advise_on
from safelight.advice.provider_rules import advise

PROMPTS = {
    "without a driver": "A lighthouse at sunrise, slow waves below",
    "stacked, English": "A person standing alone on a rooftop at night, looking down at the city",
    "stacked, Traditional Chinese": "一個人獨自站在夜晚的樓頂上，俯視城市",
    "10,000 words": "a chef cutting bread in a dark kitchen at night " * 1_000,
}
ROUNDS = 200
#: The command line is started this often with each set of modules.
STARTS = 7


def measure_prompt(prompt: str) -> float:
    """Median milliseconds for the advice on one prompt, with its JSON form."""
    provider = advise("sora-2", ())
    request = ScreenedRequest(texts={"prompt": prompt})
    taken = []
    for _ in range(ROUNDS if len(prompt) < 1_000 else 10):
        began = time.perf_counter()
        advise_on(request, provider, AdviceOptions()).as_wire("zh-Hant")
        taken.append((time.perf_counter() - began) * 1_000)
    return round(median(taken), 2)


def measure_start() -> float:
    """Median seconds for a first advice in a new process: modules, tables and messages."""
    program = (
        "import time; began = time.perf_counter()\n"
        "from safelight.advice.prompt_advice import AdviceOptions, ScreenedRequest, advise_on\n"
        "from safelight.advice.provider_rules import advise\n"
        "advise_on(ScreenedRequest(texts={'prompt': 'a chef cutting bread'}), advise('veo', ()), "
        "AdviceOptions()).as_wire()\n"
        "print(time.perf_counter() - began)"
    )
    with tempfile.TemporaryDirectory() as folder:
        taken = [
            float(
                subprocess.run(
                    [sys.executable, "-c", program], cwd=Path(folder), capture_output=True, check=True
                ).stdout
            )
            for _ in range(STARTS)
        ]
    return round(median(taken), 3)


def main() -> None:
    figures = {
        "advice_ms": {name: measure_prompt(prompt) for name, prompt in PROMPTS.items()},
        "first_advice_in_a_new_process_s": measure_start(),
    }
    print(json.dumps(figures, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
