"""The shortest working client: python create_and_poll.py "A tram crosses a bridge at dusk" tram.mp4"""

from __future__ import annotations

import os
import sys
import uuid
import warnings

import openai

# The SDK deprecates these calls because OpenAI ended its own service. Safelight still supports them.
warnings.simplefilter("ignore", DeprecationWarning)


def main(prompt: str, file: str) -> int:
    client = openai.OpenAI(base_url=os.environ["SAFELIGHT_URL"], api_key=os.environ["SAFELIGHT_API_KEY"])
    try:
        video = client.videos.create_and_poll(
            prompt=prompt,
            seconds="4",
            size="1280x720",
            # If a response is lost, the SDK sends the request again; with a key it is still one video.
            extra_headers={"Idempotency-Key": str(uuid.uuid4())},
        )
    except openai.APIStatusError as error:
        # The code `sentinel_block` is a block before anything was spent; see handle_blocks.py.
        print(f"{error.code}: {error.message}", file=sys.stderr)
        return 1
    if video.status != "completed" or video.error:
        print(f"{video.error.code}: {video.error.message}", file=sys.stderr)
        return 1
    client.videos.download_content(video.id).write_to_file(file)
    print(f"{video.id} is in {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
