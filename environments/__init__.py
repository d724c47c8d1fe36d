"""The user's conda environments: made, changed, checked and switched as transactions.

This room runs as the user: in a batch job on a node, or in a terminal on the login node. It knows nothing of
JupyterHub. `hpchub env` and `services/environments` are its two faces.
"""
