"""Codes that were sent to somebody else's server."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "otp_sent",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False, index=True),
    )
