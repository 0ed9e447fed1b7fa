"""What is done with a score: the policy document, and pure decisions from it."""
