"""A git server over HTTP with a password: git's own CGI program behind Basic authentication.

argv: port, and the folder of the repositories. Environment: WORD, the password of everybody.
"""

import asyncio
import base64
import os
import sys

from aiohttp import web

PROGRAM = "/usr/lib/git-core/git-http-backend"
"""git-http-backend(1)."""
FORWARDED = {"Content-Type": "CONTENT_TYPE", "Content-Encoding": "HTTP_CONTENT_ENCODING"}


def user_of(request: web.Request) -> str:
    """Who asks; empty without the password."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    user, _, word = base64.b64decode(given if scheme == "Basic" else "").decode().partition(":")
    return user if word == os.environ["WORD"] else ""


async def answer(request: web.Request) -> web.Response:
    user = user_of(request)
    if not user:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="git"'})
    environment = {
        "GIT_PROJECT_ROOT": sys.argv[2],
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query_string,
        "REQUEST_METHOD": request.method,
        "REMOTE_USER": user,
        "PATH": os.environ["PATH"],
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    environment |= {
        variable: request.headers[name]
        for name, variable in FORWARDED.items()
        if name in request.headers
    }
    program = await asyncio.create_subprocess_exec(
        PROGRAM, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env=environment
    )
    said, _ = await program.communicate(await request.content.read())
    head, _, body = said.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200").split()[0])
    return web.Response(status=status, headers=headers, body=body)


if __name__ == "__main__":
    # What a client sends packed, the program unpacks itself.
    application = web.Application(client_max_size=0, handler_args={"auto_decompress": False})
    application.add_routes([web.route("*", "/{tail:.*}", answer)])
    web.run_app(application, port=int(sys.argv[1]))
