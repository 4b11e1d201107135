"""What a scenario is written with, in one place: `from hublab.scenario import LiveLab, ask, until`.

The fixtures `lab`, `case` and `chromium` come by themselves; this is what a test does with them.
docs/writing_scenarios.md is the guide, each name's own docstring says the rest.

The lab and its people
    `LiveLab` the fixture `lab`: hosts, programs, files, logs, servers; `Case`, `Settings`, `File`;
    `Server`, `SpawnMessage` a server and what a spawn says; `Hub`, `HubRun` its REST API, its log;
    `Visitor`, `Kernel`, `CellResult` a signed-in user at the client host, with the request headers
    `NAVIGATE` and `SAME_ORIGIN` of a browser; `flag_file` holds a snippet at a place;
    `changed_site` edits nginx's site, `give_routes_back` fills a restarted proxy; `ETC` the folder
    of a host's configuration, `PYTHON` the path of its hub's or servers' Python; `Observed` for
    `lab.record`; `HubError`, `LabError`, `Undecided` what is raised.
Tables of expectations, each row with its source
    `DecisionRow`, `decide`, `row_for`, `always`, `anything`, `wrong_cells`: the first that applies;
    `UrlRow`, `wrong_rows`, `answer_line`: who asks for which URL, and the chain of answers.
Requests from the client host
    `Ask`, `ask`, `Answer`, `look`, `RedirectLoop`: one request, sent as typed; `credentials`,
    `Credentials`, `fresh_browser`, `sign_in_cookies`: who asks; `converse`: a WebSocket;
    `proxy_api`, `OWN_TOKEN`, `proxy_api_of`, `PROXY_TOKEN`, `add_route`, `drop_route`: the proxy's
    REST API.
Pages of another origin
    `Asking`, `call`, `callers`, `Callers`, `CREDENTIALS` (`NO_CREDENTIALS`, `TOKEN`, `COOKIE`,
    `COOKIE_XSRF`), `cors_access`, `CorsAccess`, `page_access`: by the headers;
    `HUB_SITE`, `SAME_SITE`, `OTHER_SITE`, `LOADING`, `sign_in_on_page`, `send_login`,
    `open_server`, `until_lab_is_loaded`, `put_page`, `put_elsewhere`, `page_at`, `AskingPage`,
    `Asked`, `Upgrade`, `show_in_frame`, `Framed`: in Chromium.
What is there now
    `server_state`, `until_state`, `until_ready`, `watch_states`, `server_model`, `server_parts`,
    `ServerParts`, `user_processes`, `placement`, `Placement`: of a server; `reach`, `diagnose`,
    `HopDiagnosis`, `api_url_of_server`, `listening`: addresses; `proxy_routes`, `Route`,
    `until_no_user_route`, `route_tables`, `compare`: the proxy's table and the hub's view of it;
    `table_rows`, `server_rows`, `DatabaseReader`, `difference`: the hub's.
What happened
    `hub_accesses`, `server_accesses`, `LoggedRequest`: logged requests; `server_logs`,
    `last_server_log`: a server's own log; `hook_runs`, `HookRun`; `activity`, `last_activity`,
    `LastActivity`, `Beliefs`: who was active when; `record_reports`, `ActivityReport`,
    `RECORDER_URL`: what a server posts; `watch_events`: everything as it comes.
Waiting and breaking
    `until`, `PATIENCE`: for what is bound to come; `partition`, `freeze`, `clock`: faults.

A name is imported when it is asked for (PEP 562): collecting scenarios needs neither Docker nor
Playwright, and a file pays for what it uses.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hublab.cases.decision_table import DecisionRow as DecisionRow
    from hublab.cases.decision_table import always as always
    from hublab.cases.decision_table import anything as anything
    from hublab.cases.decision_table import decide as decide
    from hublab.cases.decision_table import row_for as row_for
    from hublab.cases.decision_table import wrong_cells as wrong_cells
    from hublab.cases.matrix import Case as Case
    from hublab.cases.url_table import UrlRow as UrlRow
    from hublab.cases.url_table import answer_line as answer_line
    from hublab.cases.url_table import wrong_rows as wrong_rows
    from hublab.diagnosis.reach import HopDiagnosis as HopDiagnosis
    from hublab.diagnosis.reach import diagnose as diagnose
    from hublab.diagnosis.routes import compare as compare
    from hublab.engine.records import File as File
    from hublab.errors import HubError as HubError
    from hublab.errors import LabError as LabError
    from hublab.errors import Undecided as Undecided
    from hublab.faults import clock as clock
    from hublab.faults import freeze as freeze
    from hublab.faults import partition as partition
    from hublab.journal.events import Observed as Observed
    from hublab.paths import ETC as ETC
    from hublab.probes.access_log import LoggedRequest as LoggedRequest
    from hublab.probes.access_log import hub_accesses as hub_accesses
    from hublab.probes.access_log import server_accesses as server_accesses
    from hublab.probes.activity import activity as activity
    from hublab.probes.activity_reports import RECORDER_URL as RECORDER_URL
    from hublab.probes.activity_reports import ActivityReport as ActivityReport
    from hublab.probes.activity_reports import record_reports as record_reports
    from hublab.probes.advertised import api_url_of_server as api_url_of_server
    from hublab.probes.browser_frames import Framed as Framed
    from hublab.probes.browser_frames import show_in_frame as show_in_frame
    from hublab.probes.cookies import fresh_browser as fresh_browser
    from hublab.probes.cookies import sign_in_cookies as sign_in_cookies
    from hublab.probes.credentials import Credentials as Credentials
    from hublab.probes.credentials import credentials as credentials
    from hublab.probes.cross_origin import COOKIE as COOKIE
    from hublab.probes.cross_origin import COOKIE_XSRF as COOKIE_XSRF
    from hublab.probes.cross_origin import CREDENTIALS as CREDENTIALS
    from hublab.probes.cross_origin import NO_CREDENTIALS as NO_CREDENTIALS
    from hublab.probes.cross_origin import TOKEN as TOKEN
    from hublab.probes.cross_origin import Asking as Asking
    from hublab.probes.cross_origin import Callers as Callers
    from hublab.probes.cross_origin import CorsAccess as CorsAccess
    from hublab.probes.cross_origin import call as call
    from hublab.probes.cross_origin import callers as callers
    from hublab.probes.cross_origin import cors_access as cors_access
    from hublab.probes.database import DatabaseReader as DatabaseReader
    from hublab.probes.database import difference as difference
    from hublab.probes.events import watch_events as watch_events
    from hublab.probes.hooks import HookRun as HookRun
    from hublab.probes.hooks import hook_runs as hook_runs
    from hublab.probes.http import Answer as Answer
    from hublab.probes.http import Ask as Ask
    from hublab.probes.http import RedirectLoop as RedirectLoop
    from hublab.probes.http import ask as ask
    from hublab.probes.http import look as look
    from hublab.probes.last_activity import Beliefs as Beliefs
    from hublab.probes.last_activity import LastActivity as LastActivity
    from hublab.probes.last_activity import last_activity as last_activity
    from hublab.probes.listening import listening as listening
    from hublab.probes.node_log import last_server_log as last_server_log
    from hublab.probes.node_log import server_logs as server_logs
    from hublab.probes.page_access import page_access as page_access
    from hublab.probes.page_requests import Asked as Asked
    from hublab.probes.page_requests import AskingPage as AskingPage
    from hublab.probes.page_requests import Upgrade as Upgrade
    from hublab.probes.page_requests import page_at as page_at
    from hublab.probes.placement import Placement as Placement
    from hublab.probes.placement import placement as placement
    from hublab.probes.processes import user_processes as user_processes
    from hublab.probes.proxy_api import OWN_TOKEN as OWN_TOKEN
    from hublab.probes.proxy_api import proxy_api as proxy_api
    from hublab.probes.reach import reach as reach
    from hublab.probes.route_beliefs import route_tables as route_tables
    from hublab.probes.routes import Route as Route
    from hublab.probes.routes import proxy_routes as proxy_routes
    from hublab.probes.routes import until_no_user_route as until_no_user_route
    from hublab.probes.server_states import ServerParts as ServerParts
    from hublab.probes.server_states import server_model as server_model
    from hublab.probes.server_states import server_parts as server_parts
    from hublab.probes.server_states import server_state as server_state
    from hublab.probes.server_states import until_ready as until_ready
    from hublab.probes.server_states import until_state as until_state
    from hublab.probes.server_states import watch_states as watch_states
    from hublab.probes.table_rows import server_rows as server_rows
    from hublab.probes.table_rows import table_rows as table_rows
    from hublab.probes.waiting import PATIENCE as PATIENCE
    from hublab.probes.waiting import until as until
    from hublab.probes.websocket import converse as converse
    from hublab.running.browser import HUB_SITE as HUB_SITE
    from hublab.running.browser import LOADING as LOADING
    from hublab.running.browser import OTHER_SITE as OTHER_SITE
    from hublab.running.browser import SAME_SITE as SAME_SITE
    from hublab.running.browser import open_server as open_server
    from hublab.running.browser import put_elsewhere as put_elsewhere
    from hublab.running.browser import put_page as put_page
    from hublab.running.browser import send_login as send_login
    from hublab.running.browser import sign_in_on_page as sign_in_on_page
    from hublab.running.browser import until_lab_is_loaded as until_lab_is_loaded
    from hublab.running.flag_files import flag_file as flag_file
    from hublab.running.hub_api import Hub as Hub
    from hublab.running.hub_log import HubRun as HubRun
    from hublab.running.kernel import CellResult as CellResult
    from hublab.running.kernel import Kernel as Kernel
    from hublab.running.lab import PROXY_TOKEN as PROXY_TOKEN
    from hublab.running.live import LiveLab as LiveLab
    from hublab.running.proxy_api import add_route as add_route
    from hublab.running.proxy_api import drop_route as drop_route
    from hublab.running.proxy_api import proxy_api_of as proxy_api_of
    from hublab.running.reverse_proxy import changed_site as changed_site
    from hublab.running.servers import Server as Server
    from hublab.running.servers import SpawnMessage as SpawnMessage
    from hublab.running.switching import give_routes_back as give_routes_back
    from hublab.running.visitor import NAVIGATE as NAVIGATE
    from hublab.running.visitor import SAME_ORIGIN as SAME_ORIGIN
    from hublab.running.visitor import Visitor as Visitor
    from hublab.settings.image_software import PYTHON as PYTHON
    from hublab.settings.values import Settings as Settings

_MODULES = {
    "hublab.cases.decision_table": (
        "DecisionRow",
        "always",
        "anything",
        "decide",
        "row_for",
        "wrong_cells",
    ),
    "hublab.cases.matrix": ("Case",),
    "hublab.cases.url_table": ("UrlRow", "answer_line", "wrong_rows"),
    "hublab.diagnosis.reach": ("HopDiagnosis", "diagnose"),
    "hublab.diagnosis.routes": ("compare",),
    "hublab.engine.records": ("File",),
    "hublab.errors": ("HubError", "LabError", "Undecided"),
    "hublab.faults": ("clock", "freeze", "partition"),
    "hublab.journal.events": ("Observed",),
    "hublab.paths": ("ETC",),
    "hublab.probes.access_log": ("LoggedRequest", "hub_accesses", "server_accesses"),
    "hublab.probes.activity": ("activity",),
    "hublab.probes.browser_frames": ("Framed", "show_in_frame"),
    "hublab.probes.cookies": ("fresh_browser", "sign_in_cookies"),
    "hublab.probes.credentials": ("Credentials", "credentials"),
    "hublab.probes.cross_origin": (
        "COOKIE",
        "COOKIE_XSRF",
        "CREDENTIALS",
        "NO_CREDENTIALS",
        "TOKEN",
        "Asking",
        "Callers",
        "CorsAccess",
        "call",
        "callers",
        "cors_access",
    ),
    "hublab.probes.database": ("DatabaseReader", "difference"),
    "hublab.probes.events": ("watch_events",),
    "hublab.probes.hooks": ("HookRun", "hook_runs"),
    "hublab.probes.http": ("Answer", "Ask", "RedirectLoop", "ask", "look"),
    "hublab.probes.last_activity": ("Beliefs", "LastActivity", "last_activity"),
    "hublab.probes.listening": ("listening",),
    "hublab.probes.node_log": ("last_server_log", "server_logs"),
    "hublab.probes.page_requests": ("Asked", "AskingPage", "Upgrade", "page_at"),
    "hublab.probes.placement": ("Placement", "placement"),
    "hublab.probes.processes": ("user_processes",),
    "hublab.probes.proxy_api": ("OWN_TOKEN", "proxy_api"),
    "hublab.probes.reach": ("reach",),
    "hublab.probes.page_access": ("page_access",),
    "hublab.probes.activity_reports": ("RECORDER_URL", "ActivityReport", "record_reports"),
    "hublab.probes.route_beliefs": ("route_tables",),
    "hublab.probes.routes": ("Route", "proxy_routes", "until_no_user_route"),
    "hublab.probes.server_states": (
        "ServerParts",
        "server_model",
        "server_parts",
        "server_state",
        "until_ready",
        "until_state",
        "watch_states",
    ),
    "hublab.probes.table_rows": ("server_rows", "table_rows"),
    "hublab.probes.advertised": ("api_url_of_server",),
    "hublab.probes.waiting": ("PATIENCE", "until"),
    "hublab.probes.websocket": ("converse",),
    "hublab.running.browser": (
        "HUB_SITE",
        "LOADING",
        "OTHER_SITE",
        "SAME_SITE",
        "open_server",
        "put_elsewhere",
        "put_page",
        "send_login",
        "sign_in_on_page",
        "until_lab_is_loaded",
    ),
    "hublab.running.flag_files": ("flag_file",),
    "hublab.running.hub_api": ("Hub",),
    "hublab.running.hub_log": ("HubRun",),
    "hublab.running.kernel": ("CellResult", "Kernel"),
    "hublab.running.lab": ("PROXY_TOKEN",),
    "hublab.running.live": ("LiveLab",),
    "hublab.running.proxy_api": ("add_route", "drop_route", "proxy_api_of"),
    "hublab.running.reverse_proxy": ("changed_site",),
    "hublab.running.servers": ("Server", "SpawnMessage"),
    "hublab.running.switching": ("give_routes_back",),
    "hublab.running.visitor": ("NAVIGATE", "SAME_ORIGIN", "Visitor"),
    "hublab.settings.image_software": ("PYTHON",),
    "hublab.settings.values": ("Settings",),
}
"""Module -> the names that this one exports from it; the imports above are for type checkers."""
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
