"""E5 (multilingual-e5-small): converts the downloaded weights, and computes sentence embeddings with them."""
