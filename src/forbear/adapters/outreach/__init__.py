"""Providers that carry messages to people: each one technology, each an `engine.outreach.Outreach`."""
