"""What you asked for: options, batch script, job, server."""

from spawner.spawner import SlurmGPUSpawner

__all__ = ["SlurmGPUSpawner"]
