"""What a test needs, shipped so that a bank can test its own adapters and mappings with it."""
