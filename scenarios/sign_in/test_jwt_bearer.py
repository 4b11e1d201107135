"""Hub and servers take tokens of the hub's own making; a JWT is refused there like any other text.

Why it matters: who has an identity provider has JWTs, and sends one as Bearer to a notebook server,
for so it is done with every other service. Nothing is decoded: the server asks the hub whose token
this text is, and the hub looks for its hash. The refusal stands for as long as the server keeps
answers, however good the JWT is, and each new JWT is one more question.

Sources:
- JupyterHub documentation, "Authenticating with the API token": tokens are the hub's own;
  jupyterhub 6.1.1, orm.py, `Hashed.find`: four characters find the rows, a hash decides.
- RFC 6750, 3.1: a token that is invalid is 401 with WWW-Authenticate; apihandlers/users.py,
  `SelfAPIHandler`, and jupyter_server, `APIHandler.get_login_url`: 403.
- services/auth.py, `_check_hub_authorization`: one question for each text, and the answer is kept.
"""

from __future__ import annotations

import secrets

import pytest

from hublab.scenario import Ask, LiveLab, ask, fresh_browser, table_rows

from .json_web_tokens import claims_of, signed
from .tokens import AT_HUB, AT_SERVER, make_token, questions_of

pytestmark = pytest.mark.topology("lab")


@pytest.mark.issue(
    "jupyterhub#4198",
    "zero-to-jupyterhub-k8s#2926",
    happens=True,
    workaround="a token of the hub, or an authenticator that takes JWTs",
)
@pytest.mark.sabotage("server.snippet", "../changes/asks_each_time.py")
async def test_a_jwt_is_a_token_that_nobody_has(lab: LiveLab) -> None:
    """403 without WWW-Authenticate; a question for each JWT, none the second time, and no row."""
    await lab.spawn("alice", on="node1")
    rows = len(await table_rows(lab, "api_tokens"))
    for count in range(2):
        text = signed(claims_of("alice", number=count), secrets.token_hex(32))
        lab.hide(text)
        for target in (AT_HUB, AT_SERVER, AT_SERVER):
            wanted = Ask(target, headers=(("Authorization", f"Bearer {text}"),))
            answer = await ask(lab, wanted, fresh_browser(lab))
            assert (answer.status, answer.header("WWW-Authenticate")) == (403, None)
        assert await questions_of(lab, "node1") == [403] * (count + 1)
    assert len(await table_rows(lab, "api_tokens")) == rows
    own = (await make_token(lab)).text
    wanted = Ask(AT_SERVER, headers=(("Authorization", f"Bearer {own}"),))
    assert (await ask(lab, wanted, fresh_browser(lab))).status == 200
