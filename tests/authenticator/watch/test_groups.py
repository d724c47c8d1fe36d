"""Groups of the directory are groups of the hub, and so give roles, from one look to the next."""

from pathlib import Path

import httpx

from tests.authenticator.watch.smallhub import Paper, SmallHub, small_hub

ROLES = [
    {"name": "support", "scopes": ["list:users", "servers"], "groups": ["helpers"]},
]


def groups_of(hub: SmallHub, name: str) -> set[str]:
    return {group.name for group in hub.user(name).groups}


async def may_list_users(hub: SmallHub, token: str) -> bool:
    answer = await hub.ask("users", token)
    return answer.status_code == httpx.codes.OK and "bert" in answer.text


async def test_a_group_comes_with_the_login(tmp_path: Path) -> None:
    paper = Paper()
    paper.add("anna", groups=["bio", "gpu"])
    async with small_hub(tmp_path, paper) as hub:
        await hub.logged_in("anna")
        assert groups_of(hub, "anna") == {"bio", "gpu"}


async def test_a_new_member_of_a_group_has_its_role_with_the_next_look_and_loses_it_again(
    tmp_path: Path, paper: Paper
) -> None:
    async with small_hub(tmp_path, paper, load_roles=ROLES) as hub:
        await hub.logged_in("anna")
        await hub.logged_in("bert")
        token = hub.token("anna", scopes=["inherit"])
        assert not await may_list_users(hub, token)
        paper.add("anna", groups=["helpers", "bio"])
        await hub.watch.sweep()
        assert groups_of(hub, "anna") == {"helpers", "bio"}
        assert groups_of(hub, "bert") == set()
        assert await may_list_users(hub, token)
        paper.add("anna", groups=["bio"])
        await hub.watch.sweep()
        assert groups_of(hub, "anna") == {"bio"}
        assert not await may_list_users(hub, token)


async def test_a_token_with_a_groups_scopes_loses_them_with_the_group(tmp_path: Path, paper: Paper) -> None:
    paper.add("anna", groups=["helpers"])
    async with small_hub(tmp_path, paper, load_roles=ROLES) as hub:
        await hub.logged_in("anna")
        await hub.logged_in("bert")
        token = hub.token("anna", scopes=["list:users"])
        assert await may_list_users(hub, token)
        paper.add("anna")
        await hub.watch.sweep()
        assert not await may_list_users(hub, token)


async def test_an_outage_takes_nobody_out_of_a_group(tmp_path: Path, paper: Paper) -> None:
    paper.add("anna", groups=["helpers"])
    async with small_hub(tmp_path, paper) as hub:
        await hub.logged_in("anna")
        paper.silent = True
        await hub.watch.sweep()
        assert groups_of(hub, "anna") == {"helpers"}


async def test_an_administrator_of_the_directory_is_one_of_the_hub_until_the_next_look(
    tmp_path: Path, paper: Paper
) -> None:
    async with small_hub(tmp_path, paper, admin_groups={"admins"}) as hub:
        anna = await hub.logged_in("anna")
        token = hub.token("anna", scopes=["inherit"])
        paper.add("anna", groups=["admins"])
        await hub.watch.sweep()
        assert (await anna.get("admin")).status_code == 200
        assert await may_list_users(hub, token) is False  # bert is not there yet
        await hub.logged_in("bert")
        assert await may_list_users(hub, token)
        paper.add("anna")
        await hub.watch.sweep()
        assert not hub.user("anna").admin
        assert (await anna.get("admin")).status_code == 403
        assert not await may_list_users(hub, token)


async def test_where_the_directory_does_not_decide_administrators_stay(tmp_path: Path, paper: Paper) -> None:
    async with small_hub(tmp_path, paper) as hub:
        await hub.logged_in("anna")
        hub.user("anna").admin = True
        hub.app.db.commit()
        await hub.watch.sweep()
        assert hub.user("anna").admin
