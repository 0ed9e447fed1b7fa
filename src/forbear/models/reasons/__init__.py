"""Reasons in words: which to tell one customer, in sentences that are true of them, and what would help."""
