"""Public test doubles: clips, detectors, generators, guard and transcription servers, a scripted upstream."""
