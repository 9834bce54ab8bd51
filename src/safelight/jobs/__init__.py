"""The lifecycle of a video: its state machine, and the durable queue that runs its steps."""
