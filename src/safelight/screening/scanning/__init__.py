"""Scans generated videos and images: every frame, the audio, and the detectors that inspect them."""
