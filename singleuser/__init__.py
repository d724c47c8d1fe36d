"""What runs beside the notebook, on the compute node, as the user."""

from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")
"""The program that the batch script runs."""
