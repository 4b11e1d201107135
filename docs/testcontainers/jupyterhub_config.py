import os
import sys

sys.path.insert(0, os.path.dirname(__file__))

from team_authenticator import TeamAuthenticator

c.JupyterHub.authenticator_class = TeamAuthenticator
c.TeamAuthenticator.teams = {"alice": "blue", "bob": "red"}
c.Authenticator.allow_all = True
