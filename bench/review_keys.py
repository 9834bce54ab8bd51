"""Keys, time to paint, and how much picture a reviewer is shown, over scripted cases in Chromium.

python -m bench.review_keys [--cases 50] [--json] [--chromium /usr/bin/chromium]

The script reads each case for two seconds, while the page prefetches the next one, names a rule, decides.
Every second case is revealed for one second first. The pages, the queue and the decisions are the real ones;
the videos are not generated, and the picture is a grey gradient.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.console_browser import open_console
from support.console_server import ConsoleServer
from support.fake_api_server import CARD, a_video, card_verdict, judged

from .gateway import quantile

#: Each reveal of the script, in milliseconds.
_REVEAL_MS = 1000
#: What playing the clip once would show: seconds and CSS pixels.
_CLIP_S, _CLIP_PIXELS = 4, 1280 * 720
#: Shorter than a person needs to read a case.
_READING_MS = 2000
#: Stores the time of a key press, and of the frame after the one in which the page first shows its effect:
#: for a decision, another case.
_LISTEN = """() => {
  const shown = () => document.querySelector('#decide')?.getAttribute('action');
  addEventListener('keydown', ({ key, timeStamp }) => {
    const before = shown();
    window.painted = 0;
    const look = () => requestAnimationFrame(() => {
      if (key === 'a' && shown() === before) return look();
      requestAnimationFrame(() => { window.painted = performance.now() - timeStamp; });
    });
    look();
  }, { capture: true });
}"""
_PAINTED_MS = "() => window.painted"
_AREA = """() => { const box = document.querySelector('#image-cover canvas').getBoundingClientRect();
  return box.width * box.height; }"""


def measure(console: ConsoleServer, page: Page, count: int) -> dict[str, Any]:
    desk, url = console.server.desk, console.server.url
    page.goto(console.staff_login())
    page.locator("main button.main").click()
    page.wait_for_url(f"{url}/")
    for number in range(count):
        video = desk.put(a_video(tenant=console.server.tenant, prompt=f"scripted case number {number}"))
        desk.judgements[video.id] = (judged(card_verdict(CARD)),)
        console.hold(video.id)
    page.goto(f"{url}/review")
    page.get_by_role("button", name="Take the next case").click()
    page.wait_for_url(re.compile("/review/case_"))
    page.evaluate(_LISTEN)
    keys, rule_ms, decision_ms, shown = 0, [], [], 0.0
    for number in range(count):
        page.wait_for_timeout(_READING_MS)
        if number % 2:
            shown += _reveal(page)
        page.keyboard.press("1")
        rule_ms.append(float(page.wait_for_function(_PAINTED_MS).json_value()))
        decided = page.url.partition("?")[0].rpartition("/")[2]
        page.keyboard.press("a")
        keys += 2
        if number < count - 1:
            # After the last one, the page of the empty queue is loaded.
            decision_ms.append(float(page.wait_for_function(_PAINTED_MS).json_value()))
        page.wait_for_url(re.compile(f"decided={decided}"))
    console.carry_out_decisions()
    return {
        "cases": count,
        "keys_per_case": keys / count,
        "rule_key_to_paint_ms": _times(rule_ms),
        "decision_key_to_next_case_painted_ms": _times(decision_ms),
        "revealed_cases": count // 2,
        "shown_part_of_playing_the_clip": round(shown / (count * _CLIP_S * _CLIP_PIXELS), 4),
        "shown_part_in_revealed_cases": round(shown / (count // 2 * _CLIP_S * _CLIP_PIXELS), 4),
        "load_average": round(os.getloadavg()[0], 1),
    }


def _reveal(page: Page) -> float:
    """Hold the key that shows the picture. Returns seconds times CSS pixels."""
    page.keyboard.down(" ")
    page.locator("#image-cover canvas").wait_for()
    area = float(page.evaluate(_AREA))
    page.wait_for_timeout(_REVEAL_MS)
    page.keyboard.up(" ")
    return area * _REVEAL_MS / 1000


def _times(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 1),
        "p95": round(quantile(values, 0.95), 1),
        "max": round(max(values), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with open_console(arguments.chromium) as (console, page):
        found = measure(console, page, arguments.cases)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
