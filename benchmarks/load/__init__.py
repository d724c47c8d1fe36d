"""The same load on three hubs: what a thousand servers, and those who wait, cost Slurm and the hub."""
