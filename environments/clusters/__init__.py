"""IPyParallel's profile that starts engines as a batch job: `profile` writes it for the action Plugins.

What lies in the folder ``in_profile`` is copied into the user's profile and runs there, in whichever Python
the user's environment has (3.9 or newer), without hpchub. Here, where ipyparallel is not, it is no package.
"""
