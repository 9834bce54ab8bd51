"""How soon the pages paint, and how soon a key press does, in Chromium on the loopback address.

python bench/pages.py [--runs 10] [--json] [--chromium /usr/bin/chromium]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.console_browser import open_console
from support.console_server import ConsoleServer

PATHS = (
    "/",
    "/videos",
    "/review",
    "/verify",
    "/advice",
    "/explain-error",
    "/coverage",
    "/policy",
    "/settings",
)
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
#: From the key event to the frame after the one that shows it.
_LISTEN = """() => { window.keys = []; addEventListener('keydown', (event) => {
  const painted = () => window.keys.push(performance.now() - event.timeStamp);
  requestAnimationFrame(() => requestAnimationFrame(painted));
}, { capture: true }); }"""


def measure(console: ConsoleServer, page: Page, runs: int) -> dict[str, Any]:
    url = console.server.url
    page.goto(console.staff_login())
    page.locator("main button.main").click()
    page.wait_for_url(f"{url}/")
    paints: dict[str, Any] = {}
    for path in PATHS:
        page.goto(url + path)
        taken, bytes_ = [], 0
        for _ in range(runs):
            page.reload()
            page.wait_for_function(_PAINT)
            taken.append(float(page.evaluate(_PAINT)))
        bytes_ = int(
            page.evaluate(
                "() => ['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))"
                ".reduce((sum, one) => sum + one.decodedBodySize, 0)"
            )
        )
        paints[path] = {
            "first_paint_median_ms": round(statistics.median(taken)),
            "first_paint_max_ms": round(max(taken)),
            "bytes": bytes_,
        }
    page.goto(f"{url}/")
    page.locator("#prompt").focus()
    page.evaluate(_LISTEN)
    page.keyboard.type("a lighthouse above a quiet sea", delay=60)
    page.wait_for_function("() => window.keys.length >= 30")
    keys = sorted(float(one) for one in page.evaluate("() => window.keys"))
    return {
        "pages": paints,
        "key_to_paint_median_ms": round(statistics.median(keys)),
        "key_to_paint_p95_ms": round(keys[int(len(keys) * 0.95)]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    arguments = parser.parse_args()
    with open_console(arguments.chromium) as (console, page):
        found = measure(console, page, arguments.runs)
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for path, row in found["pages"].items():
        print(
            f"{path:10} first paint {row['first_paint_median_ms']:4} ms "
            f"(max {row['first_paint_max_ms']}), {row['bytes']:,} bytes"
        )
    print(f"key to paint: median {found['key_to_paint_median_ms']} ms, p95 {found['key_to_paint_p95_ms']} ms")


if __name__ == "__main__":
    main()
