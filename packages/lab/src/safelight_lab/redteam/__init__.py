"""The red team: attacks on the checks, with payloads that are harmless or stay on the machine."""
