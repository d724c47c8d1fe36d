"""Measurements on the tests' centre, each as a ratio or difference within one run."""
