"""What was generated, looked at: every frame and the sound."""
