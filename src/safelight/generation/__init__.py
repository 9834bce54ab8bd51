"""What makes video, and what providers say when they refuse."""
