"""A hub in Compose: a container for each user, and accounts in the hub's own database."""

import os

c = get_config()  # noqa: F821

c.JupyterHub.authenticator_class = "native"
c.NativeAuthenticator.open_signup = True
c.NativeAuthenticator.minimum_password_length = 12
c.Authenticator.admin_users = {os.environ["JUPYTERHUB_ADMIN"]}
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = "dockerspawner.DockerSpawner"
c.DockerSpawner.image = os.environ["NOTEBOOK_IMAGE"]
c.DockerSpawner.network_name = os.environ["NETWORK_NAME"]
c.DockerSpawner.volumes = {"jupyterhub-user-{username}": "/home/jovyan/work"}
c.DockerSpawner.remove = True
c.Spawner.http_timeout = 90
c.Spawner.environment = {"TZ": "Europe/Oslo"}

c.JupyterHub.hub_ip = "jupyterhub"
c.JupyterHub.hub_port = 8080
c.JupyterHub.cookie_secret_file = "/data/jupyterhub_cookie_secret"
c.JupyterHub.db_url = "sqlite:////data/jupyterhub.sqlite"
