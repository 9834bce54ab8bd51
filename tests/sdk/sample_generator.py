"""The program that articles about Sora 2 print for Python, with a base URL: `URL KEY SECONDS`.

Shortened; the calls of the SDK, the fields and the handling of errors are those that people copy.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

warnings.simplefilter("ignore", DeprecationWarning)

from openai import OpenAI  # noqa: E402


class VideoGenerator:
    def __init__(self, base_url: str, api_key: str, pause_s: float) -> None:
        self.client = OpenAI(base_url=base_url, api_key=api_key)
        self.pause_s = pause_s

    def generate_video(self, prompt: str, duration: int = 4, resolution: str = "1280x720") -> dict[str, Any]:
        attempt, last_error = 0, None
        while attempt < 3:
            try:
                response = self.client.videos.create(
                    model="sora-2", prompt=prompt, duration=duration, resolution=resolution
                )
                return self.wait_for_completion(response.id)
            except Exception as error:
                last_error = error
                if getattr(error, "code", None) == "sentinel_block":
                    return {"error": "sentinel_block", "message": str(error)}
                attempt += 1
                time.sleep(self.pause_s)
        return {"error": "max_retries_exceeded", "last_error": str(last_error)}

    def wait_for_completion(self, video_id: str, timeout: int = 300) -> dict[str, Any]:
        start_time = time.time()
        while time.time() - start_time < timeout:
            status = self.client.videos.retrieve(video_id)
            if status.status == "completed":
                return {"id": video_id, "url": status.url, "status": "completed"}
            if status.status == "failed":
                return {"id": video_id, "error": str(status.error), "status": "failed"}
            time.sleep(self.pause_s)
        return {"id": video_id, "error": "timeout", "status": "timeout"}


if __name__ == "__main__":
    generator = VideoGenerator(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    print(json.dumps(generator.generate_video("A joyful adult woman jogging through a sunlit park")))  # noqa: T201
