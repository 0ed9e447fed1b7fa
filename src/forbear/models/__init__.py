"""From feature rows to calibrated probabilities."""
