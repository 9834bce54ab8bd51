"""Many prompts, a few at a time: python batch.py prompts.jsonl results.jsonl clips/ [--at-once 4]

`prompts.jsonl` has one {"id": ..., "prompt": ...} a line. Results are appended as they come; run it again
with the same files and it goes on where it stopped: rows with a result are left out, and a row that was
ordered just before the stop is found again by its Idempotency-Key instead of being ordered twice.
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

warnings.simplefilter("ignore", DeprecationWarning)  # OpenAI ended its own service; this one goes on.

DEADLINE_S = 3600.0


async def one(client: openai.AsyncOpenAI, row: dict[str, Any], clips: Path) -> dict[str, Any]:
    """One row to its end. Never raises for what a server says: a row that fails stops no other."""
    # The key is the row itself, so that the same row is one video however often it is sent within a day.
    key = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
    told = {"id": row["id"]}
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
                    return {**told, "video": video.id, "end": "held"}
                if video.status in ("queued", "in_progress"):
                    await asyncio.sleep(int(answer.headers.get("openai-poll-after-ms", 1000)) / 1000)
        if video.status == "failed":
            return {
                **told,
                "video": video.id,
                "end": "failed",
                "code": video.error.code,
                "says": video.error.message,
            }
        content = await client.videos.download_content(video.id)
        (clips / f"{video.id}.mp4").write_bytes(await content.aread())
        return {**told, "video": video.id, "end": "made", "file": f"{video.id}.mp4"}
    except openai.APIStatusError as error:
        return {**told, "end": "refused", "code": error.code, "says": error.message}
    except (openai.APIConnectionError, TimeoutError) as error:
        # No result is written for these, so that the next run takes the row up again.
        return {**told, "end": "open", "says": str(error) or "It took too long."}


async def main(prompts: Path, results: Path, clips: Path, at_once: int) -> int:
    rows = [json.loads(line) for line in prompts.read_text(encoding="utf-8").splitlines() if line.strip()]
    done = set()
    if results.exists():
        done = {json.loads(line)["id"] for line in results.read_text(encoding="utf-8").splitlines()}
    clips.mkdir(parents=True, exist_ok=True)
    gate = asyncio.Semaphore(at_once)
    client = openai.AsyncOpenAI(
        base_url=os.environ["SAFELIGHT_URL"], api_key=os.environ["SAFELIGHT_API_KEY"], max_retries=5
    )

    async def through_the_gate(row: dict[str, Any]) -> dict[str, Any]:
        async with gate:
            return await one(client, row, clips)

    ends: dict[str, int] = {}
    with results.open("a", encoding="utf-8") as file:
        for finished in asyncio.as_completed(
            [through_the_gate(row) for row in rows if row["id"] not in done]
        ):
            told = await finished
            ends[told["end"]] = ends.get(told["end"], 0) + 1
            if told["end"] != "open":
                file.write(json.dumps(told) + "\n")
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
