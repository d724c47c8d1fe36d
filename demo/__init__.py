"""One machine that is a whole computing centre."""
