# A piece of the hub's configuration: each sign-in starts the user's own warm parent.
from jupyterhub_sshspawner import prewarm_after_sign_in

c.Authenticator.post_auth_hook = prewarm_after_sign_in  # type: ignore[name-defined]  # noqa: F821
