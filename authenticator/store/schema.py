"""The tables of the store, as they are after the last migration.

Whoever changes a table here writes a migration for it in `migrations/versions` (the highest number is the
newest); a test compares the two. Names of users are canonical, moments are whole Unix seconds. What is secret
is sealed (AES-GCM), what is only looked up stands as a keyed digest.
"""

from sqlalchemy import BigInteger, Double
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = [
    "AttemptRow",
    "Base",
    "EnrolmentRow",
    "NoticeRow",
    "PendingRow",
    "RecoveryRow",
    "RevocationRow",
    "SentRow",
    "TokenRow",
]

NEVER_USED = -1


class Base(DeclarativeBase):
    """Every table of the store belongs to this."""


class TokenRow(Base):
    """A user's token. `last_step` counts on the token's own clock, which our clock cannot turn back."""

    __tablename__ = "otp_tokens"

    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(unique=True)
    secret: Mapped[bytes]
    key_id: Mapped[str]
    digits: Mapped[int]
    interval: Mapped[int]
    algorithm: Mapped[str]
    last_step: Mapped[int] = mapped_column(BigInteger)
    created: Mapped[int] = mapped_column(BigInteger)
    drift: Mapped[int] = mapped_column(default=0)
    drift_base: Mapped[int] = mapped_column(default=0)
    disabled: Mapped[str | None]
    label: Mapped[str] = mapped_column(default="")
    last_used: Mapped[int | None] = mapped_column(BigInteger)


class RecoveryRow(Base):
    """One of the recovery codes of a user; those of one set have one salt."""

    __tablename__ = "otp_recovery"

    id: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(index=True)
    salt: Mapped[bytes]
    hash: Mapped[bytes]
    created: Mapped[int] = mapped_column(BigInteger)
    used: Mapped[int | None] = mapped_column(BigInteger)


class EnrolmentRow(Base):
    """The enrolment code that an administrator gave a user."""

    __tablename__ = "otp_enrolments"

    user: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    issued_by: Mapped[str]
    issued: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int] = mapped_column(BigInteger, index=True)


class PendingRow(Base):
    """A new token that its owner has yet to confirm; `digest` is that of the id in the owner's cookie."""

    __tablename__ = "otp_pending"

    digest: Mapped[str] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(unique=True)
    secret: Mapped[bytes]
    key_id: Mapped[str]
    digits: Mapped[int]
    interval: Mapped[int]
    algorithm: Mapped[str]
    how: Mapped[str]
    tries_left: Mapped[int]
    expires: Mapped[int] = mapped_column(BigInteger, index=True)


class NoticeRow(Base):
    """Something that happened to a user's token and that the user has not been told yet."""

    __tablename__ = "otp_notices"

    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(index=True)
    event: Mapped[str]
    by: Mapped[str]
    at: Mapped[int] = mapped_column(BigInteger)


class SentRow(Base):
    """A code that was sent to somebody else's server, and until when it is not sent again."""

    __tablename__ = "otp_sent"

    digest: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[int] = mapped_column(BigInteger, index=True)


class AttemptRow(Base):
    """The failed logins of an account or an address, by the digest of its name; see `attempts`."""

    __tablename__ = "login_attempts"

    subject: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    failures: Mapped[int]
    level: Mapped[float] = mapped_column(Double)
    last: Mapped[float] = mapped_column(Double)


class RevocationRow(Base):
    """That a user's sessions are to end which are older than `requested`; see `revocations`."""

    __tablename__ = "otp_revocations"

    id: Mapped[int] = mapped_column(primary_key=True)
    user: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str]
    by: Mapped[str]
    requested: Mapped[float] = mapped_column(Double)
