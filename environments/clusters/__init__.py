"""IPyParallel's profile that starts engines as a batch job: who writes it, and what is in it.

`profile` writes it for the action Plugins. `hpchub_slurm_job` and `hpchub_slurm_engines` are copied into the
user's profile and run there, in whichever Python the user's environment has (3.9 or newer), without hpchub.
"""
