"""Applications with a page, as people run them beside their server: each has one button."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from yarl import URL

from hublab.scenario import HUB_SITE, File, LiveLab, listening, until

BIN = "/opt/jupyter/bin"
PORT = 9200
LONG = 90.0
"""Seconds that one may take to import what it needs, and its page to load."""
START = 'cd "$HOME/dashboards" && nohup "$@" >"$0.log" 2>&1 </dev/null & echo $!'
END = 'kill -9 "$1"; while kill -0 "$1" 2>/dev/null; do sleep 0.02; done'

TOKEN = "token"
"""The file beside an application with a token of its own."""
STREAMLIT = """\
import streamlit
if streamlit.button('press'):
    streamlit.write('pressed')
"""
PANEL = """\
import panel
button = panel.widgets.Button(name='press')
said = panel.bind(lambda clicks: 'pressed' if clicks else 'not yet', button.param.clicks)
panel.Column(button, said).servable()
"""
BOKEH = """\
from bokeh.io import curdoc
from bokeh.layouts import column
from bokeh.models import Button, Div
button, said = Button(label='press'), Div(text='not yet')
button.on_click(lambda: said.update(text='pressed'))
curdoc().add_root(column(button, said))
"""
MARIMO = """\
import marimo
app = marimo.App()

@app.cell
def _():
    import marimo as mo
    button = mo.ui.button(label='press', value=0, on_click=lambda presses: presses + 1)
    button
    return button, mo

@app.cell
def _(button, mo):
    mo.md('pressed' if button.value else 'not yet')
    return
"""
SHINY = """\
from shiny import App, render, ui
page = ui.page_fluid(ui.input_action_button('press', 'press'), ui.output_text('said'))
def server(input, output, session):
    @render.text
    def said():
        return 'pressed' if input.press() else 'not yet'
app = App(page, server)
"""
GRADIO = """\
import sys
import gradio
with gradio.Blocks() as page:
    button, said = gradio.Button('press'), gradio.Markdown('not yet')
    button.click(lambda: 'pressed', None, said)
port, *prefix = sys.argv[1:]
page.launch(server_name='127.0.0.1', server_port=int(port), root_path=''.join(prefix) or None)
"""
DASH = """\
import sys
from dash import Dash, Input, Output, html
port, *prefix = sys.argv[1:]
app = Dash(requests_pathname_prefix=''.join(prefix) or None)
app.layout = html.Div([html.Button('press', id='press'), html.Div('not yet', id='said')])
@app.callback(Output('said', 'children'), Input('press', 'n_clicks'), prevent_initial_call=True)
def said(clicks):
    return 'pressed'
app.run(host='127.0.0.1', port=int(port))
"""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """An application, and the command by which its documentation has people run it."""

    code: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


DASHBOARDS = {
    "streamlit": Dashboard(
        STREAMLIT,
        ("streamlit", "run", "{file}", "--server.port={port}", "--server.headless=true"),
        {"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"},
    ),
    "panel": Dashboard(PANEL, ("panel", "serve", "{file}", "--port={port}")),
    "bokeh": Dashboard(BOKEH, ("bokeh", "serve", "{file}", "--port={port}")),
    "marimo": Dashboard(MARIMO, ("marimo", "run", "{file}", "--headless", "--port={port}")),
    "editor": Dashboard(
        MARIMO,
        (
            "marimo",
            "edit",
            "{file}",
            "--headless",
            "--port={port}",
            f"--token-password-file={TOKEN}",
        ),
    ),
    "shiny": Dashboard(SHINY, ("shiny", "run", "{file}", "--port={port}")),
    "gradio": Dashboard(
        GRADIO, ("python", "{file}", "{port}"), {"GRADIO_ANALYTICS_ENABLED": "False"}
    ),
    "dash": Dashboard(DASH, ("python", "{file}", "{port}")),
}


def place(server: str = "", port: int = PORT, origin: str = HUB_SITE) -> URL:
    """Where an application of alice's stands, as the browser names it."""
    name = f"{server}/" if server else ""
    return URL(origin).with_path(f"/user/alice/{name}proxy/{port}/")


@contextlib.asynccontextmanager
async def dashboard(
    lab: LiveLab,
    name: str,
    *options: str,
    on: str = "node1",
    port: int = PORT,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[None]:
    """One of them, run by alice on a node, from when it listens. `options` end its command."""
    one = DASHBOARDS[name]
    home = "/home/alice"
    await lab.run(on, "mkdir", "-p", f"{home}/dashboards", user="alice")
    file = f"{name}_{port}.py"
    await lab.put_files(on, f"{home}/dashboards", [File(file, one.code.encode())])
    program, *rest = (part.format(file=file, port=port) for part in one.argv)
    argv = ("sh", "-c", START, f"{name}_{port}", f"{BIN}/{program}", *rest, *options)
    surroundings = {
        "HOME": home,
        "PATH": f"{BIN}:/usr/bin:/bin",
        **one.environment,
        **(environment or {}),
    }
    done = await lab.exec(on, *argv, user="alice", environment=surroundings)

    async def listens() -> bool:
        return port in {found.port for found in await listening(lab, on)}

    try:
        await until(listens, what=f"{name} listens", seconds=LONG)
        yield
    finally:
        await lab.run(on, "sh", "-c", END, "-", done.stdout.strip())
