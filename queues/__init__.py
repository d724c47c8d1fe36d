"""Which queues exist, for whom, and on what terms."""
