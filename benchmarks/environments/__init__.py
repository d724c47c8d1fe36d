"""How long users wait for their environments, beside the floor of the file system and beside conda."""
