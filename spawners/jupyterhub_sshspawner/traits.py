"""The settings of ``SSHSpawner``, with JupyterHub's own names where JupyterHub has one.

Every trait is set in ``jupyterhub_config.py`` as ``c.SSHSpawner.<name> = …``.
"""

from __future__ import annotations

import os
import re
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.traitlets import Callable, Command
from traitlets import (
    Bool,
    Dict,
    Enum,
    Float,
    Integer,
    List,
    Unicode,
    Union,
    default,
)

from .choice.placement import POLICIES
from .errors import Misconfigured


class SSHTraits(Spawner):  # type: ignore[misc]
    """Configuration only; what is done with it is in ``spawner``."""

    def __init__(self, **kwargs: Any) -> None:
        self._replaced: dict[str, Any] = {}  # by a profile: the values from before
        super().__init__(**kwargs)

    def start(self) -> object:
        """See ``SSHSpawner``."""
        raise NotImplementedError

    def stop(self, now: bool = False) -> object:
        """See ``SSHSpawner``."""
        raise NotImplementedError

    def poll(self) -> object:
        """See ``SSHSpawner``."""
        raise NotImplementedError

    # ------------------------------------------------------------ where

    hosts = Union(
        [List(), Callable()],
        config=True,
        help="""Machines that servers may run on.

        Each is a name, or a dict with `name` and any of `address`, `port`, `username`,
        `connect_address`, `host_key_alias`, `gss_host`, `jump_hosts`, `cmd`, `environment`,
        `prologue`, `max_servers`. Or a callable that takes the spawner and returns such a list; it
        may be async.
        """,
    )
    host_policy = Union(
        [Enum(POLICIES), Callable()],
        default_value="round-robin",
        config=True,
        help="""How a host is chosen: `round-robin`, `least-loaded`, `random`, `first` (in the
        order of `hosts`, for as long as there is room), `user-choice` (the user picks one on the
        spawn page or by `user_options["host"]`; without a choice: round-robin), or a callable
        `(spawner, names) -> name or list of names, best first`.
        """,
    )
    max_servers_per_host = Integer(
        0, min=0, config=True, help="""Most servers on one host; 0 is no limit."""
    )
    host_retry_limit = Integer(
        1,
        min=0,
        config=True,
        help="""How many further hosts to try when the first cannot be reached. None is tried
        after a host-key or login problem, nor when the user chose the host.""",
    )
    host_cooldown = Float(
        30.0, min=0, config=True, help="""Seconds to avoid a host that could not be reached."""
    )

    profile_list = Union(
        [List(), Callable()],
        config=True,
        help="""Profiles to choose from on the spawn page, in the form of KubeSpawner's: dicts with
        `display_name`, `slug`, `description`, `default`, `spawner_override`, `profile_options`.
        Or a callable that takes the spawner and returns such a list; it may be async.""",
    )

    # ------------------------------------------------------------ who

    ssh_username = Union(
        [Unicode(), Callable()],
        default_value="{username}",
        config=True,
        help="""Account on the node. `{username}` is the JupyterHub user's name. A callable takes
        the spawner; it may be async.""",
    )
    ssh_client_keys = Union(
        [List(Unicode()), Callable()],
        config=True,
        help="""Private key files on the hub. `~` is the hub's home directory, `{username}` the
        JupyterHub user's name. A `<key>-cert.pub` beside a key is used if it exists. Nothing is
        taken from `~/.ssh` by itself.""",
    )
    ssh_client_certs = Union(
        [List(Unicode()), Callable()],
        config=True,
        help="""OpenSSH certificates for the keys: files, with the same templates, or the text of
        one; or a callable that takes the spawner and returns a list of them (may be async).""",
    )
    ssh_client_cert_auth_state_key = Unicode(
        "",
        config=True,
        help="""Key under which the user's `auth_state` holds the text of an SSH certificate for
        one of `ssh_client_keys`. It is not written to any file.""",
    )
    ssh_key_passphrase = Union(
        [Unicode(), Callable()],
        default_value=None,
        allow_none=True,
        config=True,
        help="""Passphrase of the keys, or a callable that takes the spawner (may be async).""",
    )
    ssh_password = Callable(
        default_value=None,
        allow_none=True,
        config=True,
        help="""Callable that takes the spawner and returns the password; may be async.""",
    )
    ssh_password_auth_state_key = Unicode(
        "",
        config=True,
        help="""Key under which the user's `auth_state` holds the password for the node.""",
    )
    ssh_agent_path = Unicode(
        None,
        allow_none=True,
        config=True,
        help="""Socket of an SSH agent on the hub to sign in with. It is never forwarded.""",
    )
    ssh_gssapi = Bool(
        False,
        config=True,
        help="""Sign in by GSSAPI (Kerberos). Needs `ssh_gss_store` and the extra `[gssapi]`.""",
    )
    ssh_gss_store = Union(
        [Unicode(), Dict(), Callable()],
        default_value="",
        config=True,
        help="""The user's own Kerberos credentials: a credential cache such as
        `FILE:/run/jupyterhub/krb5/{username}`, a credential store such as
        `{"client_keytab": "…", "ccache": "…"}`, or a callable that takes the spawner and returns
        one; it may be async. There is no default: the hub's own ticket serves nobody.""",
    )
    ssh_gss_delegate = Bool(
        False,
        config=True,
        help="""Delegate the user's Kerberos ticket to the node, for what the server has to reach
        with it. The server finds it by `KRB5CCNAME` until it ends. The ticket must be forwardable,
        and whoever is root on the node can use it.""",
    )

    # ------------------------------------------------------------ trust

    known_hosts = Union(
        [Unicode(), List(Unicode()), Callable()],
        default_value="",
        config=True,
        help="""File (or files) with the nodes' host keys, in OpenSSH's known_hosts format.
        Required: a host that is not in it is refused. Read again for each new connection.""",
    )
    host_ca_keys = List(
        Unicode(),
        config=True,
        help="""Public keys (text or file) of certificate authorities that sign host keys.""",
    )
    host_key_policy = Enum(
        ("strict", "insecure"),
        default_value="strict",
        config=True,
        help="""`insecure` accepts any host key: whoever can stand between hub and node gets the
        users' tokens. It warns at each start. For throw-away test set-ups only.""",
    )
    ssh_config_files = List(
        Unicode(), config=True, help="""OpenSSH client configuration files to honour; none."""
    )
    ssh_options = Dict(
        config=True,
        help="""Further arguments for `asyncssh.connect`, e.g. `{"encryption_algs": [...]}`;
        none that a trait here decides.""",
    )

    # ------------------------------------------------------------ paths

    jump_hosts = List(
        Unicode(),
        config=True,
        help="""Machines to go through, first one first: `[user@]host[:port]`. Their host keys
        are checked like any other. Set `connect_address` or a tunnel as well: the hub and the
        proxy must reach the server.""",
    )
    connect_address = Unicode(
        "",
        config=True,
        help="""Address under which hub and proxy reach the servers, if it is not the address
        that SSH connects to (a second network, a NAT, a jump host). `{host}` is the host's name.
        """,
    )
    transport = Enum(
        ("direct", "tunnel"),
        default_value="direct",
        config=True,
        help="""`direct`: hub and proxy connect to the node's own address. `tunnel`: the server
        listens on the node's loopback only and the hub forwards a local port to it; the hub's
        process carries all traffic, and tunnels are down while the hub is.""",
    )
    tunnel_bind_ip = Unicode(
        "127.0.0.1", config=True, help="""Address on the hub where tunnels listen."""
    )
    tunnel_connect_ip = Unicode(
        "",
        config=True,
        help="""Address under which hub and proxy reach the tunnels; `tunnel_bind_ip` if empty.""",
    )
    reverse_tunnel = Bool(
        False,
        config=True,
        help="""Let servers reach the hub's API through SSH, for nodes that cannot connect to the
        hub. Every account of the node can connect to that port while it is open, and take it
        while it is not.""",
    )
    allow_gateway_ports = Bool(
        False,
        config=True,
        help="""Use a reverse tunnel also where the node's sshd has `GatewayPorts yes`. It is open
        on every address of the node then, and whoever reaches the node reaches the hub's API.
        Without this such a start is refused.""",
    )
    port_range = Unicode(
        "",
        config=True,
        help="""Ports on the node, e.g. `40000-40100`, both ends included. Empty: any free port.
        """,
    )

    # ------------------------------------------------------------ launch

    remote_python = Unicode(
        "python3",
        config=True,
        help="""Python (3.8 or later) on the node that runs the launcher; standard library only.
        """,
    )
    shell_cmd = Command(
        minlen=0,
        config=True,
        help="""Shell to start the server through, as in LocalProcessSpawner, e.g.
        `["bash", "-l", "-c"]` for the users' own environment. Gives users control over PATH.""",
    )
    prologue = Unicode(
        "",
        config=True,
        help="""Shell lines to run before the server, e.g. `module load python` or
        `. /opt/lab/bin/activate`. Runs in `shell_cmd`, or in `sh -c` without one.""",
    )
    run_dir = Unicode(
        "~/.jupyterhub-ssh",
        config=True,
        help="""Directory on the node, in the user's account, for logs and process records. Its
        file system needs file locks. `{username}` is the JupyterHub user's name, `{ssh_username}`
        the account's.""",
    )
    run_dir_fallback = Unicode(
        "/var/tmp/jupyterhub-ssh-{ssh_username}",
        config=True,
        help="""Directory to use when `run_dir` cannot be: the home is full, has no file locks, or
        is not there. The user's server starts all the same, if it can. Empty: none.""",
    )
    preflight_hub_check = Bool(
        True,
        config=True,
        help="""Let the node try a connection to the hub's API before the server is started, so
        that an unreachable hub is named at once and not after minutes.""",
    )
    limit_backend = Enum(
        ("none", "external"),
        default_value="none",
        config=True,
        help="""What enforces `mem_limit` and `cpu_limit`. `none`: setting one is an error.
        `external`: something on the node does (systemd slices, PAM); they are only passed on in
        the environment.""",
    )

    # ------------------------------------------------------------ warm start

    warm_start = Enum(
        ("off", "node", "user"),
        default_value="off",
        config=True,
        help="""Whether servers are forks of a process on the node that has done the imports.

        `node`: of a small service that the node's administrator runs as root; see
        `jupyterhub-sshspawner warm`. `user`: of a process of the user's own, which
        `SSHSpawner.prewarm()` starts ahead. Where there is none, or a fork would not be as a server
        that is started, the server is started; the hub's log says why.""",
    )
    warm_socket = Unicode(
        "/run/jupyterhub-sshspawner/warm.sock",
        config=True,
        help="""Where the service of the node listens: one for each environment that servers run
        in. It must belong to root.""",
    )
    warm_hosts = Integer(
        1,
        min=1,
        config=True,
        help="""On how many of the user's hosts, in their order, `SSHSpawner.prewarm()` starts a
        process.""",
    )
    warm_age = Integer(
        4 * 3600, min=1, config=True, help="""Seconds after which a user's process ends."""
    )
    warm_memory = Integer(
        1024, min=1, config=True, help="""MiB that a user's process may need; else it ends."""
    )

    # ------------------------------------------------------------ time

    connect_timeout = Float(
        10.0, min=0.1, config=True, help="""Seconds within which a host, or a KDC, must answer."""
    )
    sign_in_timeout = Float(
        30.0,
        min=0.1,
        config=True,
        help="""Seconds to sign in, for a host that answers: many sign-ins at once take a slow
        one long.""",
    )
    command_timeout = Float(
        20.0,
        min=0.1,
        config=True,
        help="""Seconds until the launcher must have answered: a login shell's start files run
        before it.""",
    )
    poll_timeout = Float(10.0, min=0.1, config=True, help="""Seconds for one poll in all.""")
    interrupt_timeout = Integer(
        10, min=0, config=True, help="""Seconds to wait after SIGINT before SIGTERM is sent."""
    )
    term_timeout = Integer(
        5, min=0, config=True, help="""Seconds to wait after SIGTERM before SIGKILL is sent."""
    )
    kill_timeout = Integer(
        5, min=0, config=True, help="""Seconds to wait after SIGKILL before giving up."""
    )
    stop_timeout = Float(
        30.0,
        min=0,
        config=True,
        help="""Seconds to go on trying to stop a server whose node cannot be reached. After
        that it is remembered as an orphan and ended at the next contact.""",
    )
    unreachable_limit = Integer(
        0,
        min=0,
        config=True,
        help="""Call a server dead after this many polls in a row that could not reach its node.
        0: never, since unreachable is not dead (jupyterhub#3171).""",
    )
    keepalive_interval = Float(
        15.0, min=0, config=True, help="""Seconds between keep-alives on a connection."""
    )
    keepalive_count_max = Integer(
        3, min=1, config=True, help="""Unanswered keep-alives before it is given up."""
    )
    max_sessions_per_connection = Integer(
        8, min=1, config=True, help="""At most sshd's MaxSessions (10)."""
    )
    max_connects_per_host = Integer(
        8, min=1, config=True, help="""Sign-ins at a time; below sshd's MaxStartups (10)."""
    )
    connection_idle_timeout = Float(
        300.0, min=0, config=True, help="""Seconds to keep a connection nobody uses."""
    )
    log_tail_lines = Integer(
        50, min=0, config=True, help="""Lines of the server's log to show when it fails."""
    )
    trace = Callable(
        default_value=None,
        allow_none=True,
        config=True,
        help="""Called as `trace(name, info)` at each step, e.g. `start.connect.started`.""",
    )

    _ip_by_default: str | None = None

    @default("ip")
    def _ip_default(self) -> str:
        self._ip_by_default = "127.0.0.1" if self.transport == "tunnel" else "0.0.0.0"
        return self._ip_by_default

    @property
    def ip_is_by_default(self) -> bool:
        """Whether nobody has set ``ip``, so that it may follow the family of the node's address."""
        return str(self.ip) == self._ip_by_default

    def follow_ip(self, ip: str) -> None:
        """Set it for one start; it still counts as not set."""
        self._ip_by_default = self.ip = ip


def parse_port_range(text: str) -> tuple[int, int] | None:
    """``"40000-40100"`` as two numbers; None when empty.

    Not a validator of the trait: JupyterHub makes spawners where nobody expects an error, at its
    own start among others, and a wrong range is of no concern to servers that run.
    """
    if not text:
        return None
    match = re.fullmatch(r"\s*(\d{1,5})\s*-\s*(\d{1,5})\s*", text)
    if match:
        low, high = int(match[1]), int(match[2])
        if 0 < low <= high < 65536:
            return low, high
    raise Misconfigured(f'SSHSpawner.port_range must look like "40000-40100", not {text!r}')


def fill(template: str, *, username: str, ssh_username: str) -> str:
    """A path template filled in; a user's name must not lead out of its directory."""
    if "{" in template and any(
        bad in name for name in (username, ssh_username) for bad in ("/", "\0", "..")
    ):
        raise ValueError(f"the user name {username!r} cannot be part of a path")
    return os.path.expanduser(template).format(username=username, ssh_username=ssh_username)
