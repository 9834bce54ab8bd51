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

from safelight.providers.advice.prompt_advice import AdviceOptions, ScreenedRequest, advise_on
from safelight.providers.advice.provider_rules import advise

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
    """Median milliseconds of processor time for the advice on one prompt, with its JSON form."""
    provider = advise("sora-2", ())
    request = ScreenedRequest(texts={"prompt": prompt})
    taken = []
    for _ in range(ROUNDS if len(prompt) < 1_000 else 10):
        began = time.process_time()
        advise_on(request, provider, AdviceOptions()).as_wire("zh-Hant")
        taken.append((time.process_time() - began) * 1_000)
    return round(median(taken), 2)


def measure_start() -> dict[str, float]:
    """Median seconds of processor time for the first advice in a new process: modules, tables and messages.

    Once in a process that has loaded nothing else, and once after a check of the same prompt without advice,
    as on the command line: this is what the advice adds there.
    """
    advise = (
        "import time; began = time.process_time()\n"
        "from safelight.providers.advice.prompt_advice import AdviceOptions, ScreenedRequest, advise_on\n"
        "from safelight.providers.advice.provider_rules import advise\n"
        "advise_on(ScreenedRequest(texts=texts), advise('sora-2', ()), AdviceOptions()).as_wire()\n"
        "print(time.process_time() - began)"
    )
    texts = f"texts = {{'prompt': {PROMPTS['stacked, English']!r}}}\n"
    check = (
        "from safelight.app.container import load\n"
        "from safelight.screening.prompt import PromptStage\n"
        "from safelight.policy.tenant_policy import TenantPolicy\n"
        "core = load().core\n"
        "policy = TenantPolicy(tenant='', taxonomy=core.taxonomy, policy=core.configured_policy)\n"
        "PromptStage(pipeline=core.text_pipeline).screen(texts, policy)\n"
    )
    return {
        "alone": _measure_program(texts + advise),
        "added to a check": _measure_program(texts + check + advise),
    }


def _measure_program(program: str) -> float:
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
        "first_advice_of_a_process_s": measure_start(),
    }
    print(json.dumps(figures, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
