"""Traces: what a request, an event, a decision and a sending have to do with each other."""
