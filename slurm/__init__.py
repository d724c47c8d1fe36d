"""Everything that talks to Slurm; knows nothing of JupyterHub."""
