"""The gateway's HTTP front: OpenAI's `/v1/videos` format, with what was checked beside it."""
