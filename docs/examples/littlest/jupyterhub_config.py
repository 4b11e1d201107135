"""A hub on one server, with a folder of small files for whoever looks after it."""

from pathlib import Path

from systemdspawner import SystemdSpawner

c = get_config()  # noqa: F821


class OwnUserSpawner(SystemdSpawner):
    """Starts servers as accounts of this machine, which it makes when they are missing."""

    def start(self):
        self.log.info("making the account of %s", self.user.name)
        return super().start()


c.JupyterHub.spawner_class = OwnUserSpawner
c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
c.FirstUseAuthenticator.create_users = True
c.FirstUseAuthenticator.dbm_path = "/opt/hub/state/passwords.dbm"
c.Authenticator.allow_all = True
c.SystemdSpawner.unit_name_template = "jupyter-{USERNAME}"
c.SystemdSpawner.default_shell = "/bin/bash"
c.JupyterHub.hub_port = 15001
c.Spawner.args = ["--ServerApp.show_banner=False"]

for path in sorted((Path(__file__).parent / "jupyterhub_config.d").glob("*.py")):
    load_subconfig(str(path))  # noqa: F821
