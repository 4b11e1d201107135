"""Empties the table of a proxy that runs, where a case would else need a fresh proxy."""

from __future__ import annotations

from hublab.running import programs
from hublab.running.lab import PROXY_TOKEN, Lab
from hublab.running.proxy_address import api_port, routes_url
from hublab.settings.values import Settings


def empty_or_stop(lab: Lab, proxy: str, settings: Settings) -> bool:
    """Empty the table of a proxy that no case has restarted, or stop the proxy.

    Returns whether it runs on. A proxy with an empty table answers as a fresh one. It must be the
    very process that the last reset left: one that a case has started may have that case's clock,
    for instance.
    """
    if is_as_left(lab, proxy) and empty_table(lab, settings):
        return True
    programs.stop(lab, proxy)
    return False


LEFT = "/run/hublab-left"
"""On a proxy's host: what s6 said of the proxy when a reset had started it."""
IS_AS_LEFT = '[ -s "$1" ] && [ "$(s6-svstat -o pid,up "$2")" = "$(cat "$1")" ]'
START = """
s6-svc -wu -T "$3" -u "$2" && s6-svstat -o pid,up "$2" > "$1" || exit 1
for try in $(seq 1000); do
  grep -q "^ *[0-9]*: [0-9A-F]*:$4 [0-9A-F:]* 0A " /proc/net/tcp /proc/net/tcp6 && break
  [ "$(s6-svstat -o up "$2")" = true ] || break
  sleep 0.02
done
"""
"""It waits until the proxy's API listens (0A in proc(5)), or the proxy has ended."""


def is_as_left(lab: Lab, proxy: str) -> bool:
    """Whether a proxy is the process that the last reset left."""
    folder = f"/etc/s6/{programs.program_of(lab, proxy)}"
    return lab.run(proxy, "sh", "-c", IS_AS_LEFT, "-", LEFT, folder).exit_code == 0


def start_and_remember(lab: Lab, proxy: str, settings: Settings) -> None:
    """Start a proxy that is down, and note which process it is; returns when its API listens.

    A forked hub is faster than a proxy, and would log that it cannot reach it.
    """
    folder = f"/etc/s6/{programs.program_of(lab, proxy)}"
    port = api_port(settings)
    wanted = f"{int(port):04X}" if port.isdecimal() else "[0-9A-F]*"
    lab.output(proxy, "sh", "-c", START, "-", LEFT, folder, programs.PATIENCE, wanted)


EMPTY_TABLE = """
api() { curl -sf --noproxy '*' -m 5 -H "Authorization: token $TOKEN" "$@"; }
urls=$(api "$1" | grep -o '"/[^"]*":{' | cut -d '"' -f 2 | sed "s|^|$1|")
[ -z "$urls" ] || api -gX DELETE $urls
[ "$(api "$1")" = "{}" ]
"""
"""The paths of a table are the only keys of its JSON that begin with a slash (README of
configurable-http-proxy, "Getting the routing table")."""


def empty_table(lab: Lab, settings: Settings) -> bool:
    """Take all routes out of the proxy's table; returns whether it is empty now."""
    url = routes_url(lab.one("proxy").service, api_port(settings))
    # Not in the arguments, which everybody on the host can read.
    secret = {"TOKEN": lab.secret(PROXY_TOKEN)}
    client = lab.one("client").service
    argv = ("sh", "-c", EMPTY_TABLE, "-", url)
    return lab.run(client, *argv, environment=secret).exit_code == 0
