"""The red team: attacks on the checks, in text and in clips, and harmless twins of what they hide."""
