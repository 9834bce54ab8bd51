"""E5 (multilingual-e5-small): converts the downloaded weights, and computes sentence embeddings with them."""

NOT_INSTALLED = "The weights of E5 are not installed; run: safelight models pull e5-small"
