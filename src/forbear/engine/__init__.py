"""What the system does, against ports and nothing else."""
