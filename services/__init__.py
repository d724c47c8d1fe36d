"""The hub's services, one process each, and what the proxy says while the hub is away."""
