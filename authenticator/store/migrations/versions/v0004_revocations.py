"""Whose sessions are to end, for every hub that shares the store."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table otp_revocations, once it is declared in `authenticator.store.schema`."""
