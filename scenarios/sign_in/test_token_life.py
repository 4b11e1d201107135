"""A token is a row of the hub's database: it is good from its request to its end, at every host.

Why it matters: scripts, services and other machines have no form to sign in with. Their token is
checked on the hub's host whoever they ask, is shown once, and ends by the hub's clock; a server on
a node that has seen it goes on for a while (test_server_cache.py).

Sources:
- JupyterHub documentation, REST API (rest-api.yml), `/users/{name}/tokens`: POST with note,
  expires_in, roles or scopes; "Once a token is created, it cannot be retrieved again"; GET lists
  them, DELETE revokes one; jupyterhub/orm.py, `APIToken`: a hash and the first four characters.
- `JupyterHub.token_expires_in_max_seconds`: "Set to any positive value to disallow creation of
  tokens with no expiration"; apihandlers/users.py: none asked for means the most, more is 400.
- jupyterhub/orm.py, `Hashed.find_prefix`: one that has expired is found no more; `Expiring.now`: by
  the hub's clock; apihandlers/users.py, `UserTokenListAPIHandler.get`: the list leaves it out and
  deletes its row.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from hublab.scenario import Case, HubError, LiveLab, clock, table_rows

from .kept_answers import first_answer, until_another
from .tokens import AT_HUB, AT_SERVER, Token, make_token, revoke, status_for

MOST = "hub.JupyterHub.token_expires_in_max_seconds"
HOUR = 3600

pytestmark = pytest.mark.topology("lab")


async def rows_of(lab: LiveLab, note: str) -> list[dict[str, object]]:
    """The rows of tokens with a note."""
    return [row for row in await table_rows(lab, "api_tokens") if row["note"] == note]


def life_of(row: dict[str, object]) -> int:
    """The seconds between a token's making and its end."""
    ends, made = (datetime.fromisoformat(str(row[name])) for name in ("expires_at", "created"))
    return round((ends - made).total_seconds())


async def listed(lab: LiveLab, note: str) -> list[dict[str, object]]:
    """Those of them that the hub's API lists for alice."""
    model = await (await lab.hub()).get("users/alice/tokens")
    return [one for one in model["api_tokens"] if one["note"] == note]


@pytest.mark.sabotage(MOST, HOUR)
async def test_a_token_from_its_request_to_its_end(lab: LiveLab) -> None:
    """Requested, listed without its text, used at hub and server, and gone when it is revoked."""
    await lab.spawn("alice", on="node1")
    token = await make_token(lab, note="a script's")
    (row,) = await rows_of(lab, "a script's")
    assert (row["client_id"], row["expires_at"], row["last_activity"]) == ("jupyterhub", None, None)
    (model,) = await listed(lab, "a script's")
    assert model["id"] == token.number == f"a{row['id']}"
    assert token.text not in str(model)

    assert await status_for(lab, AT_HUB, token.text) == 200
    assert await status_for(lab, AT_SERVER, token.text) == 200
    (row,) = await rows_of(lab, "a script's")
    assert row["last_activity"] is not None

    await revoke(lab, token)
    assert await rows_of(lab, "a script's") == []
    assert await status_for(lab, AT_HUB, token.text) == 403


@pytest.mark.sabotage(MOST, 2)
@pytest.mark.sabotage(
    "hub.snippet", "../changes/expired_rows_go.py", sentence="its row stays until somebody lists it"
)
async def test_it_ends_by_itself_and_the_list_takes_its_row_away(lab: LiveLab) -> None:
    """Three seconds of life: good at the hub until then; its row stays until somebody lists it."""
    made: list[Token] = []

    async def first() -> int:
        made.append(await make_token(lab, note="brief", expires_in=3))
        return 200

    async def again() -> int:
        return await status_for(lab, AT_HUB, made[0].text)

    kept = await until_another(await first_answer(first), again)
    assert kept.other == 403
    assert kept.at_least <= 3 <= kept.at_most
    assert len(await rows_of(lab, "brief")) == 1
    assert await listed(lab, "brief") == []
    assert await rows_of(lab, "brief") == []


@pytest.mark.sabotage(MOST, 2 * HOUR)
async def test_the_hubs_clock_decides(lab: LiveLab) -> None:
    """An hour of life is over at once when the hub's clock is two hours ahead."""
    token = await make_token(lab, expires_in=HOUR)
    lasting = await make_token(lab)
    assert await status_for(lab, AT_HUB, token.text) == 200
    async with clock(lab, "hub", ahead=2 * HOUR, seconds=300):
        await lab.programs.restart("hub")
        await lab.forget_hub()
        seen = [await status_for(lab, AT_HUB, one.text) for one in (token, lasting)]
    assert seen == [403, 200]


@pytest.mark.issue(
    "jupyterhub#1772",
    "jupyterhub#4028",
    happens=False,
    workaround="token_expires_in_max_seconds",
)
@pytest.mark.matrix(MOST, [0, HOUR])
async def test_a_limit_is_the_default_too(lab: LiveLab, case: Case) -> None:
    """With a limit of an hour: who asks for nothing gets the hour, and who asks for more 400."""
    await make_token(lab, note="none")
    (row,) = await rows_of(lab, "none")
    if case[MOST] == 0:
        await make_token(lab, expires_in=2 * HOUR)
        assert row["expires_at"] is None
        return
    with pytest.raises(HubError) as refusal:
        await make_token(lab, expires_in=2 * HOUR)
    assert refusal.value.status == 400
    assert life_of(row) == HOUR
