"""What runs beside the notebook, on the compute node, as the user."""
