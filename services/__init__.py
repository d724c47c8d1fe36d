"""The hub's services, one process each."""
