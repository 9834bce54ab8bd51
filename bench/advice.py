"""What the advice adds to a check: in the process of the server, and on the command line.

The comparison with recent blocks is measured with MiniLM, if it is installed.

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

import msgspec

from safelight.accounts import Principal, PrincipalKind
from safelight.bootstrap import load
from safelight.detectors.text.classifier_detectors import MiniLmDetector
from safelight.detectors.text.sketch import sketch
from safelight.providers.advice.prompt_advice import AdviceOptions, ScreenedRequest, advise_on
from safelight.providers.advice.provider_rules import advise
from safelight.screening.session_blocks import MAX_COMPARED_BLOCKS
from safelight.store.database import Database
from safelight.store.migrations import migrate
from safelight.videos import evasion as store
from safelight.videos.evasion import EvasionTracker, Requester, SimilarBlock

PROMPTS = {
    "without a driver": "A lighthouse at sunrise, slow waves below",
    "stacked, English": "A person standing alone on a rooftop at night, looking down at the city",
    "stacked, Traditional Chinese": "一個人獨自站在夜晚的樓頂上，俯視城市",
    "10,000 words": "a chef cutting bread in a dark kitchen at night " * 1_000,
}
ROUNDS = 200
TENANT = "bench"
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


def measure_history() -> dict[str, float]:
    """Median milliseconds of CPU time for the comparison of a prompt with recent blocks. Its own embedding is
    left out, because the recognition of paraphrases needs it too.
    """
    detectors = load().core.text_pipeline.detectors
    embed = next((one.embed_text for one in detectors if isinstance(one, MiniLmDetector)), None)
    own, other = (Requester(subject=f"end_user:{name}", account="key:key") for name in ("own", "other"))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'bench.db'}")
        migrate(database)
        tracker = EvasionTracker(database, embed)
        found["no block"] = _compare(tracker, database)
        with database.transaction(TENANT) as tx:
            for number in range(MAX_COMPARED_BLOCKS):
                made = msgspec.msgpack.encode(sketch(f"A cup with the number {number} on a shelf", embed))
                for requester in (own, other):
                    store.add_block(
                        tx,
                        requester=requester,
                        lineage="one",
                        video_id=None,
                        sketch=made,
                        matched_categories={"sexual": 0.9},
                    )
                block = SimilarBlock(id="one", at=tx.now(), own=True)
                store.add_similar_request(tx, own, sketch=made, block=block)
        found["as many blocks as are compared"] = _compare(tracker, database)
        database.close()
    return found


def _compare(tracker: EvasionTracker, database: Database) -> float:
    principal = Principal(tenant=TENANT, id="key", kind=PrincipalKind.KEY, name="bench", scopes=frozenset())
    texts = {"prompt": "A lighthouse at sunrise, slow waves below"}
    taken = []
    for _ in range(ROUNDS // 4):
        began = time.process_time()
        with database.read_transaction(TENANT) as tx:
            history = tracker.read_history(tx, principal, "own")
        tracker.find_similar(texts, history)
        tracker.are_two_requests(history)
        taken.append((time.process_time() - began) * 1_000)
    return round(median(taken), 1)


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
        "from safelight.bootstrap import load\n"
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
        "comparison_with_blocks_ms": measure_history(),
        "first_advice_of_a_process_s": measure_start(),
    }
    print(json.dumps(figures, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
