"""The languages of pages and messages."""
