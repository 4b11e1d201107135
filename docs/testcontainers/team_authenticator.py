"""An authenticator with one password for each team, whose people are in a group of its name."""

import hmac
import os

from jupyterhub.auth import Authenticator
from traitlets import Dict


class TeamAuthenticator(Authenticator):
    teams = Dict(help="User -> team.", config=True)
    manage_groups = True

    async def authenticate(self, handler, data):
        team = self.teams.get(data["username"])
        expected = os.environ.get(f"PASSWORD_{team}", "").encode()
        if not expected or not hmac.compare_digest(expected, data["password"].encode()):
            return None
        return {"name": data["username"], "groups": [team]}
