"""Try URLs from inside a host's network and report how far each attempt gets.

A question is a line of JSON: `urls` (http, https, ssh or postgresql), and the `timeout` of each in
seconds. Its answer is a line with a JSON list in the same order. Answers the question that is its
argument, and without one each line of its input. The layers are those of a connection: DNS (none
for an address in numbers), TCP, TLS, then HTTP, SSH or PostgreSQL; `layer` is the last one that was
reached. Certificates are not verified, because only reachability is tested. Uses the standard
library only, and of it as little as a URL needs: imports are nearly all that a first attempt costs.
"""

import http.client
import json
import socket
import struct
import sys
import threading
import time
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443, "ssh": 22, "postgresql": 5432}
TLS_WANTED = struct.pack("!ii", 8, 80877103)
"""What a client may send first, and a server answers with one letter before it asks who that is
(PostgreSQL documentation, "Message Formats", SSLRequest)."""
TLS_ANSWERS = {b"S": "offers TLS", b"N": "without TLS"}


def attempt(url: str, timeout: float) -> dict[str, object]:
    """Try one URL: the last layer reached, the address used, the status, the seconds, the error."""
    parts = urlsplit(url)
    seen: dict[str, object] = {"layer": None, "address": None, "status": None, "error": None}
    begun = time.monotonic()
    try:
        if parts.scheme not in PORTS or not parts.hostname:
            raise OSError(f"not a URL of {', '.join(PORTS)} with a host")
        port = parts.port or PORTS[parts.scheme]
        address = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)[0][4]
        named = address[0] != parts.hostname
        seen.update(layer="DNS" if named else None, address=f"{address[0]}:{address[1]}")
        with socket.create_connection(address[:2], timeout) as connection:
            seen["layer"] = "TCP"
            speak(parts.scheme, parts.hostname or "", parts.path or "/", connection, seen)
    except socket.gaierror as error:
        seen["error"] = f"the name {parts.hostname} is not known here ({error.strerror})"
    except TimeoutError:
        seen["error"] = f"no answer within {timeout:g} s"
    except (OSError, http.client.HTTPException) as error:
        seen["error"] = str(getattr(error, "strerror", None) or str(error) or type(error).__name__)
    seen["seconds"] = round(time.monotonic() - begun, 4)
    return seen


def speak(
    scheme: str, host: str, path: str, connection: socket.socket, seen: dict[str, object]
) -> None:
    """Speak the protocol on an open connection, and record the layers reached."""
    if scheme == "ssh":
        banner = connection.recv(255).decode(errors="replace").strip()
        if not banner.startswith("SSH-"):
            raise OSError(f"the answer is not from an SSH server: {banner[:60]!r}")
        seen.update(layer="SSH", status=banner)
        return
    if scheme == "postgresql":
        connection.sendall(TLS_WANTED)
        letter = connection.recv(1)
        if letter not in TLS_ANSWERS:
            raise OSError(f"the answer is not from PostgreSQL: {letter!r}")
        seen.update(layer="PostgreSQL", status=TLS_ANSWERS[letter])
        return
    if scheme == "https":
        import ssl

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = context.wrap_socket(connection, server_hostname=host)
        seen["layer"] = "TLS"
    client = http.client.HTTPConnection(host)
    client.sock = connection
    client.request("GET", path, headers={"User-Agent": "hublab-reach"})
    seen.update(status=client.getresponse().status, layer="HTTP")


def answer(question: str) -> str:
    """Try the URLs of a question at the same time."""
    asked = json.loads(question)
    urls, timeout = asked["urls"], asked["timeout"]
    found: dict[int, dict[str, object]] = {}

    def note(number: int) -> None:
        found[number] = attempt(urls[number], timeout)

    threads = [threading.Thread(target=note, args=(number,)) for number in range(len(urls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return json.dumps([found[number] for number in range(len(urls))])


if __name__ == "__main__":
    for line in sys.argv[1:] or sys.stdin:
        print(answer(line), flush=True)
