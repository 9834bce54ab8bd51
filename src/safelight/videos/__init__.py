"""The life of a video: submission, checks, the durable queue, its steps, its seal, withdrawal."""
