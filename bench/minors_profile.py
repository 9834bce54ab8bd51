"""How prompts are decided under the audience `minors`, compared with adults, by the text detectors.

python -m bench.minors_profile [--json]

Three sets of borderline and innocent prompts, and everyday prompts that nobody wrote for this.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safelight.app.container import Container
from safelight.app.settings import Settings
from safelight.policy.statistics import wilson
from safelight.policy.tenant_policy import TenantPolicy
from safelight.policy.verdicts import Action, Audience
from safelight.screening.prompt import PromptStage

_ROOT = Path(__file__).resolve().parent.parent
SETS = ("minors_profile", "minors_profile_second", "minors_profile_third")
#: So long that no detector ends without a result on a busy machine.
_TIME_LIMIT_S = 30.0
_STOPS = (Action.HOLD, Action.BLOCK)


def decide(prompts: Iterable[str], data: Path) -> list[tuple[Action, Action]]:
    """The actions for adults and for minors of each prompt, with a new installation in the folder `data`."""
    core = Container(Settings(data=data, scan={"text_timeout_s": _TIME_LIMIT_S})).core  # type: ignore[arg-type]
    policy = TenantPolicy(tenant="", taxonomy=core.taxonomy, policy=core.configured_policy)
    stage = PromptStage(pipeline=core.text_pipeline)

    def action(prompt: str, audience: Audience) -> Action:
        return stage.screen({"prompt": prompt}, policy, audience=audience).verdict.action

    return [(action(one, Audience.GENERAL), action(one, Audience.MINORS)) for one in prompts]


def read_set(name: str) -> list[dict[str, str]]:
    lines = (_ROOT / "tests" / "data" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def count(pairs: list[tuple[Action, Action]]) -> dict[str, Any]:
    """How many are stricter for minors, how many are stopped, and how many pass, each with its interval."""
    n = len(pairs)
    found = {
        "stricter": sum(minors.severity > adults.severity for adults, minors in pairs),
        "stopped": sum(minors in _STOPS for _, minors in pairs),
        "stopped_for_adults_too": sum(adults in _STOPS and minors in _STOPS for adults, minors in pairs),
    }
    found["pass"] = n - found["stopped"]
    return {
        "n": n,
        **{
            name: {"count": value, "interval_95": [round(end, 3) for end in wilson(value, n)]}
            for name, value in found.items()
        },
    }


def _everyday() -> list[str]:
    rows = [
        json.loads(line)
        for kind in ("everyday", "family")
        for path in sorted((_ROOT / "bench" / "prompts").glob(f"unseen-{kind}-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    return [row["text"] for row in rows if row["expect"] == "allow"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", dest="as_json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        figures: dict[str, Any] = {}
        for name in SETS:
            for kind in ("borderline", "innocent"):
                prompts = [row["prompt"] for row in read_set(name) if row["kind"] == kind]
                figures[f"{name}.{kind}"] = count(decide(prompts, data))
        figures["everyday"] = count(decide(_everyday(), data))
    if arguments.as_json:
        print(json.dumps(figures, indent=1))
        return
    for name, one in figures.items():
        print(name, *(f"{key}: {value}" for key, value in one.items()), sep="\n  ")


if __name__ == "__main__":
    main()
