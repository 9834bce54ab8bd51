"""The wire: OpenAI's /v1/videos, screened."""
