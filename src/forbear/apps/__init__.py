"""What people and scripts start."""
