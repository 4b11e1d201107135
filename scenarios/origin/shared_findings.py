"""Findings that one scenario proves by what is sent and another by what Chromium makes of it."""

from __future__ import annotations

import pytest

PREFLIGHT_OF_A_TOKEN = pytest.mark.finding(
    "Preflights for a token are not granted by default",
    project="jupyter_server",
    steps="Default settings; a page of another origin: fetch(server + '/api/me', {headers: "
    "{Authorization: 'token …'}}).",
    expected="Comments in base/handlers.py: `set_cors_headers`, 'allow token-authenticated "
    "requests cross-origin by default', and `options`, 'avoid browser-side rejection of the "
    "preflight request'.",
    seen="By default the preflight's answer lacks Access-Control-Allow-Origin, and no browser "
    "sends the request. With allow_origin set to the page's origin it has the header.",
)
ERRORS_WITHOUT_HEADERS = pytest.mark.finding(
    "Error replies have no Access-Control-Allow-Origin, although allow_origin is set",
    project="jupyter_server",
    steps="allow_origin = 'http://app.lab'; a page there asks for a kernel that does not exist.",
    expected="Help of allow_origin: 'Set the Access-Control-Allow-Origin header'. The page reads "
    "status 404 and the JSON that says why.",
    seen="The server answers 404 without the header, because `prepare` sets it and tornado's "
    "`send_error` clears all headers but those of `set_default_headers`. The page gets "
    "'TypeError: Failed to fetch', as if the server were gone.",
)
TOKEN_IN_THE_URL = pytest.mark.finding(
    "Chromium's token in the URL of a WebSocket is ignored",
    project="jupyterhub",
    steps="In Chromium 156, from a page of another origin: new WebSocket("
    "'ws://HOST/user/alice/api/kernels/ID/channels?token=…'); the same with wss.",
    expected="Help of HubAuth.allow_token_in_url: 'tokens in URLs will be ignored by the server, "
    "except on websocket requests', 'Has no effect on websocket requests'.",
    seen="403. `_get_token_url` knows a WebSocket's request by Sec-Fetch-Mode, not by its header "
    "Upgrade, and Chromium sends no Sec-Fetch-Mode with WebSockets, by http and by https. With "
    "JUPYTERHUB_ALLOW_TOKEN_IN_URL=1 the same handshake is answered 101.",
)
XSRF_COOKIE_OPTIONS = pytest.mark.finding(
    "cookie_options does not reach the server's XSRF cookie",
    project="jupyterhub",
    steps="tornado_settings = {'cookie_options': {'secure': True, 'samesite': 'None'}}; sign in "
    "and open a server.",
    expected="The server's _xsrf has them as the hub's has: the hub fills xsrf_cookie_kwargs from "
    "cookie_options ('default to cookie_options', app.py), and hands cookie_options to servers in "
    "JUPYTERHUB_COOKIE_OPTIONS.",
    seen="The other five cookies have them. In the frame of another site, for which SameSite=None "
    "is set, a browser keeps the server's _xsrf back, and every writing request is refused.",
)
