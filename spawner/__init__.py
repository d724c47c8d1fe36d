"""What you asked for: options, batch script, job, server."""
