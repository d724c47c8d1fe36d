"""The hub's own records of its users, as far as the watch needs them; read and written on the hub's loop."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jupyterhub.orm
from jupyterhub import roles
from sqlalchemy import or_, select

if TYPE_CHECKING:
    from authenticator.directory import Account, Person

__all__ = ["Record", "follow", "is_admin", "records", "with_something_to_lose"]

orm: Any = jupyterhub.orm  # its columns have no types


@dataclass(frozen=True, slots=True)
class Record:
    """What the hub has of a user."""

    id: int
    admin: bool
    groups: frozenset[str]


def with_something_to_lose(app: Any) -> list[str]:
    """Return the names of all who may have a browser that is logged in, or have a token or a server."""
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)  # as JupyterHub stores it
    tokens = select(orm.APIToken.user_id).where(
        orm.APIToken.user_id.is_not(None),
        or_(orm.APIToken.expires_at.is_(None), orm.APIToken.expires_at > now),
    )
    servers = select(orm.Spawner.user_id).where(orm.Spawner.server_id.is_not(None))
    reasons = [orm.User.id.in_(tokens), orm.User.id.in_(servers)]
    if app.cookie_max_age_days:
        since = now - datetime.timedelta(days=app.cookie_max_age_days)
        reasons.append(orm.User.last_activity >= since)
        query = select(orm.User.name).where(or_(*reasons))
    else:
        query = select(orm.User.name)  # a cookie is good for ever
    return list(app.db.scalars(query))


def records(app: Any, names: Sequence[str]) -> dict[str, Record]:
    """Return the records of these users; two queries of plain columns, for loading users is slow."""
    users = app.db.execute(select(orm.User.name, orm.User.id, orm.User.admin).where(orm.User.name.in_(names)))
    rows = users.all()
    members = orm.user_group_map
    memberships = app.db.execute(
        select(members.c.user_id, orm.Group.name)
        .join(orm.Group, orm.Group.id == members.c.group_id)
        .where(members.c.user_id.in_([row.id for row in rows]))
    )
    groups: dict[int, set[str]] = {}
    for user_id, group in memberships:
        groups.setdefault(user_id, set()).add(group)
    return {row.name: Record(row.id, bool(row.admin), frozenset(groups.get(row.id, ()))) for row in rows}


def follow(app: Any, authenticator: Any, record: Record | None, account: Account) -> bool:
    """Give the user the groups and the rank that the directory says, as a login would; False: as before."""
    if record is None:
        return False
    promoted = _follow_rank(app, authenticator, record, account)
    moved = bool(authenticator.manage_groups) and account.groups != record.groups
    if moved and (user := app.users.get(record.id)) is not None:
        user.sync_groups(sorted(account.groups))
    return promoted or moved


def _follow_rank(app: Any, authenticator: Any, record: Record, account: Account) -> bool:
    admin = is_admin(authenticator, account)
    if admin is None or admin == record.admin or (user := app.users.get(record.id)) is None:
        return False
    user.admin = admin
    roles.assign_default_roles(app.db, entity=user.orm_user)
    app.db.commit()
    app.log.info("%s is %s administrator of the hub", account.name, "now an" if admin else "no longer an")
    return True


def is_admin(authenticator: Any, account: Account | Person) -> bool | None:
    """Return whether the directory makes somebody an administrator; None when it is not asked about it."""
    if not authenticator.admin_groups:
        return None
    return bool(authenticator.admin_groups & account.groups) or account.name in authenticator.admin_users
