"""Many prompts, a few at a time: python batch.py prompts.jsonl results.jsonl clips/ [--at-once 4]

`prompts.jsonl` has one {"id": ..., "prompt": ...} per line. Results are appended as they arrive. A second run
with the same files continues: rows with a result are skipped, and a row that was submitted just before the
first run stopped is found by its Idempotency-Key, so it is not submitted twice.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import openai

warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI ended its own service, not this one.

DEADLINE_S = 3600.0


async def one(client: openai.AsyncOpenAI, row: dict[str, Any], clips: Path) -> dict[str, Any]:
    """Process one row. Never raises for a server error, so that a failed row does not stop the others."""
    # The key is a hash of the row: within a day, the same row is one video even if it is sent several times.
    key = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
    result = {"id": row["id"]}
    try:
        video = await client.videos.create(
            prompt=row["prompt"],
            seconds=row.get("seconds", "4"),
            size=row.get("size", "1280x720"),
            extra_headers={"Idempotency-Key": key},
        )
        async with asyncio.timeout(DEADLINE_S):
            while video.status in ("queued", "in_progress"):
                answer = await client.videos.with_raw_response.retrieve(video.id)
                video = answer.parse()
                if video.safelight["state"] == "held":
                    return {**result, "video": video.id, "end": "held"}
                if video.status in ("queued", "in_progress"):
                    await asyncio.sleep(int(answer.headers.get("openai-poll-after-ms", 1000)) / 1000)
        if video.status == "failed":
            return {
                **result,
                "video": video.id,
                "end": "failed",
                "code": video.error.code,
                "says": video.error.message,
            }
        content = await client.videos.download_content(video.id)
        (clips / f"{video.id}.mp4").write_bytes(await content.aread())
        return {**result, "video": video.id, "end": "made", "file": f"{video.id}.mp4"}
    except openai.APIStatusError as error:
        return {**result, "end": "refused", "code": error.code, "says": error.message}
    except (openai.APIConnectionError, TimeoutError) as error:
        # No result is written for these, so that the next run tries the row again.
        return {**result, "end": "open", "says": str(error) or "Not finished before the deadline."}


async def main(prompts: Path, results: Path, clips: Path, at_once: int) -> int:
    rows = [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines() if line.strip()]
    done = set()
    if results.exists():
        done = {json.loads(line)["id"] for line in results.read_text(encoding="utf-8").splitlines()}
    clips.mkdir(parents=True, exist_ok=True)
    slots = asyncio.Semaphore(at_once)
    client = openai.AsyncOpenAI(
        base_url=os.environ["SAFELIGHT_URL"], api_key=os.environ["SAFELIGHT_API_KEY"], max_retries=5
    )

    async def limited(row: dict[str, Any]) -> dict[str, Any]:
        async with slots:
            return await one(client, row, clips)

    ends: dict[str, int] = {}
    with results.open("a", encoding="utf-8") as file:
        for finished in asyncio.as_completed([limited(row) for row in rows if row["id"] not in done]):
            result = await finished
            ends[result["end"]] = ends.get(result["end"], 0) + 1
            if result["end"] != "open":
                file.write(json.dumps(result) + "\n")
                file.flush()
    print(json.dumps({"left_out": len(done), **ends}))
    return 0 if not ends.get("open") else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("prompts", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--at-once", type=int, default=4)
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.prompts, given.results, given.clips, given.at_once)))
