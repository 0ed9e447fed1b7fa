"""Real data, one source a file."""
