"""Charts as Vega-Lite, made from what the interface told and nothing else."""
