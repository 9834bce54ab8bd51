"""What a client asks to be generated: read from any spelling, checked against what a generator offers."""
