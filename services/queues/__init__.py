"""The queue table for scripts and for a look without starting a server."""
