"""The bias audit: one sentence with the terms of two groups, and what the prompt stage does with each."""
