"""The HTTP API: what engine and store know, for programs and people with a key."""
