"""One technology a file, each behind a port."""
