"""The steps, by number: `vNNNN_what.py`, each naming the one before."""
