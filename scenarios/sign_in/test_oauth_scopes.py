"""The token in a server's page opens that server, and at the hub only what the client may ask for.

Why it matters: the sign-in at a server leaves a token in its cookie, and JupyterLab writes it into
its page for every script and extension there. It is good at the hub as well, on another host. What
it may do there is decided by one setting of the spawner, for all servers.

Sources:
- JupyterHub documentation, `Spawner.oauth_client_allowed_scopes`: "Allowed scopes for oauth tokens
  issued by this server's oauth client. This sets the maximum and default scopes assigned to oauth
  tokens issued by a single-user server's oauth client (i.e. tokens stored in browsers after
  authenticating with the server) [...] Default is an empty list, meaning minimal permissions to
  identify users, no actions can be taken on their behalf."
- jupyterhub 6.1.1, singleuser/extension.py, `page_config_hook`: "Places the JupyterHub API token in
  PageConfig.token"; oauth/provider.py, `get_default_scopes`: identity (scopes.py,
  `identify_scopes`: name and groups of the user alone) and access to this server.
- scopes.py, `needs_scope`: 403 without the scope, 404 for what is another's.
"""

from __future__ import annotations

import json
import re

import pytest

from hublab.scenario import Case, LiveLab, credentials, table_rows

from .oauth_steps import CLIENT, PAGE, open_page
from .tokens import AT_HUB, AT_SERVER, status_for

ALLOWED = "hub.Spawner.oauth_client_allowed_scopes"
TOKENS, SERVER = "/hub/api/users/alice/tokens", "/hub/api/users/alice/server"
LEAST = {"access:servers!server=alice/", "read:users:name!user", "read:users:groups!user"}
MORE = ["read:tokens!user"]

pytestmark = pytest.mark.topology("lab")


async def token_in_page(lab: LiveLab) -> str:
    """The token that JupyterLab's page holds, when alice has signed in to her server."""
    who = await lab.enter(credentials(lab, "alice", server=""))
    page = await open_page(lab, who, PAGE)
    (text,) = re.findall(r'"token":\s*"([0-9a-zA-Z_-]+)"', page.body.decode())
    lab.hide(text)
    return str(text)


@pytest.mark.matrix(ALLOWED, [[], MORE])
@pytest.mark.sabotage(
    "hub.snippet", "../changes/pages_open_all_servers.py", sentence="and her server, always"
)
async def test_what_the_token_of_a_page_may_do(lab: LiveLab, case: Case) -> None:
    """Its owner's name and her server, always; her list of tokens, if the setting says so."""
    await lab.spawn("alice", on="node1")
    text, more = await token_in_page(lab), case[ALLOWED] == MORE
    (row,) = [row for row in await table_rows(lab, "api_tokens") if row["client_id"] == CLIENT]
    assert set(json.loads(row["scopes"])) == LEAST | set(MORE if more else ())
    seen = [await status_for(lab, door, text) for door in (AT_HUB, AT_SERVER, TOKENS, SERVER)]
    assert seen == [200, 200, 200 if more else 403, 403]
