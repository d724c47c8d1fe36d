"""Failed logins, for the throttle."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table login_attempts, once it is declared in `authenticator.store.schema`."""
