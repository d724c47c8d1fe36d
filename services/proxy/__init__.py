"""What the proxy itself says while the hub does not answer: a page for people, a sentence for programs."""
