"""The invisible watermark: a 64-bit id in the luma of every frame, read back without the original."""
