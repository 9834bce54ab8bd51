"""The HTTP API: OpenAI's `/v1/videos` format, plus verdicts, coverage and records."""
