"""Custom models: the operator's own models, from a folder or a model hub. Each runs in its own process."""
