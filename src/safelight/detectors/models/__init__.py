"""Custom models of the operator, from a folder or a model hub, each in its own process."""
