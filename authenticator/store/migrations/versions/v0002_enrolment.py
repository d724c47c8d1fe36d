"""Drift, labels and disabling of tokens; recovery and enrolment codes; notices."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _tokens()
    _recovery()
    _enrolments()
    _pending()
    _notices()


def _tokens() -> None:
    for name in ("drift", "drift_base"):
        op.add_column("otp_tokens", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("otp_tokens", sa.Column("disabled", sa.String(), nullable=True))
    op.add_column("otp_tokens", sa.Column("label", sa.String(), nullable=False, server_default=""))
    op.add_column("otp_tokens", sa.Column("last_used", sa.BigInteger(), nullable=True))
    # Until now the last use was known by its step alone.
    op.execute('UPDATE otp_tokens SET last_used = last_step * "interval" WHERE last_step >= 0')


def _recovery() -> None:
    op.create_table(
        "otp_recovery",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("user", sa.String(), nullable=False, index=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
    )


def _enrolments() -> None:
    op.create_table(
        "otp_enrolments",
        sa.Column("user", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False, index=True),
    )


def _pending() -> None:
    op.create_table(
        "otp_pending",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("user", sa.String(), nullable=False, unique=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("algorithm", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False, index=True),
    )


def _notices() -> None:
    op.create_table(
        "otp_notices",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("user", sa.String(), nullable=False, index=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
