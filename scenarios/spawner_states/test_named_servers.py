"""Names of named servers have rules since JupyterHub 6.0, and keep to one label of a host name.

Why it matters: names of servers become parts of URLs, of cookies, and with subdomains of host
names; spawners make directories, jobs and units of them on other hosts. What was allowed before
6.0 is refused now, by the REST API as on the page.

Sources:
- jupyterhub 6.1.1, slugs.py, `is_valid_safe_slug`: "1-30 characters; starts with letter, ends with
  letter or digit; only lowercase ASCII letters, digits, hyphen; multiple consecutive hyphens not
  allowed".
- jupyterhub/handlers/base.py, `_check_named_server_request`: 400 for any other new name, beyond
  `named_server_limit_per_user`, and where `allow_named_servers` is off.
- jupyterhub/apihandlers/users.py, `UserServerAPIHandler.put` (6.0): makes a server and does not
  start it, 201; 409 for one that is there; `patch`: renames it, 400 for fields that it does not
  know ("Unexpected fields: ..., supported fields: ...").
"""

from __future__ import annotations

import re

import pytest

from hublab.scenario import Case, LiveLab, server_model

NAMED = "hub.JupyterHub.allow_named_servers"
LIMIT = "hub.JupyterHub.named_server_limit_per_user"
NAMES = [
    *("a", "work", "a-b", "a1", "x9-y8-z7", "a" * 30),
    *("Work", "1a", "-a", "a-", "a--b", "a_b", "a.b", "ä", "a b", "a" * 31, "xn--a"),
]

pytestmark = pytest.mark.topology("lab")


def is_name(text: str) -> bool:
    """The four rules of `is_valid_safe_slug`, written as one pattern and a length."""
    return len(text) <= 30 and re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text) is not None


@pytest.mark.matrix(NAMED, [True, False])
@pytest.mark.matrix(LIMIT, [0, 2])
async def test_a_name_is_one_label_of_a_host_name(lab: LiveLab, case: Case) -> None:
    """Each name is given to a new server, which is not started; in order, up to the limit."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    made: list[str] = []
    for name in NAMES:
        room = not case[LIMIT] or len(made) < int(str(case[LIMIT]))
        expected = 201 if case[NAMED] and is_name(name) and room else 400
        status, _ = await hub.request("PUT", f"users/alice/servers/{name}")
        assert status == expected, name
        made += [name] if status == 201 else []
    for name in made:
        model = await server_model(lab, "alice", name)
        assert model is not None
        assert (model["stopped"], model["ready"], model["pending"]) == (True, False, None)
        assert (await hub.request("PUT", f"users/alice/servers/{name}"))[0] == 409


@pytest.mark.sabotage(NAMED, False)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/any_new_name.py", sentence="the rules hold for that one too"
)
async def test_patch_renames_a_stopped_server(lab: LiveLab) -> None:
    """PATCH moves a stopped server to another name; the rules hold for that one too."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    path = "users/alice/servers/work"
    options = {"user_options": {"size": 1}}
    assert (await hub.request("PUT", path, json=options))[0] == 201
    for name in NAMES:
        if not is_name(name):
            assert (await hub.request("PATCH", path, json={"name": name}))[0] == 400, name
    assert (await hub.request("PATCH", path, json={"colour": "red"}))[0] == 500
    assert (await hub.request("PATCH", path, json={"name": "play"}))[0] == 200
    assert await server_model(lab, "alice", "work") is None
    moved = await server_model(lab, "alice", "play")
    assert moved is not None
    assert moved["user_options"] == options["user_options"]
