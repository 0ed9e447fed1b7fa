"""Metrics of every process, in the form that Prometheus reads."""
