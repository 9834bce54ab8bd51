"""Public test doubles: clips, media, detectors, generators, guard and transcription servers, an upstream."""
