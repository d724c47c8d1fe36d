"""People's environments as a page and for scripts: each change is a batch job of the user's own."""
