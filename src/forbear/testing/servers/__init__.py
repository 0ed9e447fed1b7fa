"""Real servers for tests and benches, each in a folder of its own and on the loopback only."""
