"""A hub in front of a cluster: the site's identity provider, and servers as batch jobs."""

import os
from pathlib import Path

import batchspawner  # noqa: F401  (registers the handler by which jobs tell their port)

c = get_config()  # noqa: F821
here = Path(__file__).parent

c.JupyterHub.bind_url = "https://0.0.0.0:443/jupyter"
c.JupyterHub.ssl_key = "/etc/pki/tls/private/jupyter.key"
c.JupyterHub.ssl_cert = "/etc/pki/tls/certs/jupyter.crt"
c.JupyterHub.hub_connect_ip = "login1.cluster.example.org"
c.JupyterHub.template_paths = [str(here / "templates")]

c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "jupyter"
c.GenericOAuthenticator.client_secret = os.environ["OAUTH_CLIENT_SECRET"]
c.GenericOAuthenticator.oauth_callback_url = "https://hub.example.org/jupyter/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = "https://id.example.org/authorize"
c.GenericOAuthenticator.token_url = "https://id.example.org/token"
c.GenericOAuthenticator.userdata_url = "https://id.example.org/userinfo"
c.GenericOAuthenticator.username_claim = "preferred_username"
c.Authenticator.allowed_users = {"alice", "bob"}
c.Authenticator.admin_users = {"alice"}

c.JupyterHub.spawner_class = "batchspawner.SlurmSpawner"
c.SlurmSpawner.req_partition = "interactive"
c.SlurmSpawner.req_runtime = "8:00:00"
c.SlurmSpawner.req_memory = "4G"
c.SlurmSpawner.batch_script = (here / "job.sh").read_text()
c.Spawner.http_timeout = 120
c.Spawner.start_timeout = 300
c.Spawner.default_url = "/lab"
