"""Clients that run code on somebody's server, each as its own page says to use it.

Where a page says `http://localhost:8888`, the address of a server without a hub, a client gets the
address of the user's server behind the hub, `/user/alice`, and a token of the hub's.

Three of the four put the token into the URL of a WebSocket, or of everything. A server behind a
hub takes none there by default (jupyterhub 6.1.1, services/auth.py, `allow_token_in_url`). Its help
says that this "has no effect on websocket requests", but `get_token_url` knows one by the header
`Sec-Fetch-Mode: websocket`, which none of these sends. So they are refused until the
server has JUPYTERHUB_ALLOW_TOKEN_IN_URL=1. Alice's has it here, and carol's has not.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from trial import SECONDS, installed, run, token_of

from hublab.testcontainers import HubLab

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bin_(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with all four clients."""
    return installed(
        tmp_path_factory.mktemp("clients") / "venv",
        "jupyter-kernel-client==1.0.2",
        "jupyter-nbmodel-client==1.5.1",
        "jupyterhub-exec==0.1.4",
        "jhub-client==0.1.7",
    )


CONFIG = """
c.Spawner.environment = {
    "JUPYTERHUB_ALLOW_TOKEN_IN_URL": lambda spawner: str(int(spawner.user.name == "alice"))
}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubLab]:
    """jupyter-nbmodel-client wants jupyter-collaboration where the server runs."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "jupyterhub_config.py").write_text(CONFIG)
    (folder / "nodes.txt").write_text("jupyter-collaboration==5.0.4\n")
    config, nodes = folder / "jupyterhub_config.py", folder / "nodes.txt"
    with HubLab(hub_config=config, node_requirements=nodes) as lab:
        yield lab


@pytest.fixture(scope="module")
def alice(lab: HubLab) -> dict[str, str]:
    """Address and token of alice's server, which runs on node2."""
    lab.spawn("alice", on="node2")
    return {"URL": f"{lab.url}user/alice", "TOKEN": token_of(lab, "alice")}


KERNEL_CLIENT = """
import os
from jupyter_kernel_client import JupyterKernelClient

with JupyterKernelClient(server_url=os.environ["URL"], token=os.environ["TOKEN"]) as kernel:
    code = \"\"\"import os
from platform import node
print(f"Hey {os.environ.get('USER', 'John Smith')} from {node()}.")
\"\"\"
    reply = kernel.execute(code)
    assert reply["execution_count"] == 1
    assert reply["outputs"] == [
        {"output_type": "stream", "name": "stdout", "text": "Hey alice from node2.\\n"}
    ], reply
    assert reply["status"] == "ok"
"""


def test_jupyter_kernel_client(bin_: Path, alice: dict[str, str]) -> None:
    """Its page's snippet. Changed: the address and the token, and who says "Hey" from where."""
    run(bin_ / "python", "-c", KERNEL_CLIENT, environment={**os.environ, **alice})


def test_tokens_in_the_url_are_refused_by_default(bin_: Path, lab: HubLab) -> None:
    """The same snippet, and `jh-exec`, at carol's server."""
    lab.spawn("carol", on="node1")
    token = token_of(lab, "carol")
    variables = {"URL": f"{lab.url}user/carol", "TOKEN": token}
    done = subprocess.run(
        [bin_ / "python", "-c", KERNEL_CLIENT],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Hey" not in done.stdout
    assert "WebSocketConnectionClosedException" in done.stderr
    refused = jh_exec(bin_, lab, "carol", token, "print('ran')")
    assert refused.returncode == 1
    assert "HTTP Error 403: Forbidden" in refused.stderr


NBMODEL_CLIENT = """
import asyncio, os
from jupyter_kernel_client import JupyterKernelClient
from jupyter_nbmodel_client import NbModelClient, get_jupyter_notebook_websocket_url

async def main():
    with JupyterKernelClient(server_url=os.environ["URL"], token=os.environ["TOKEN"]) as kernel:
        ws_url = get_jupyter_notebook_websocket_url(
            server_url=os.environ["URL"], token=os.environ["TOKEN"], path="test.ipynb"
        )
        async with NbModelClient(ws_url) as notebook:
            cell_index = notebook.add_code_cell("print('hello world')")
            results = notebook.execute_cell(cell_index, kernel)
            assert results["status"] == "ok"
            assert len(results["outputs"]) > 0

asyncio.run(main())
"""
NOTEBOOK: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_jupyter_nbmodel_client(bin_: Path, alice: dict[str, str]) -> None:
    """Its page's second snippet, and a look at what it saved.

    Changed: address and token; the notebook is made by the contents API instead of by hand.
    """
    headers = {"Authorization": f"token {alice['TOKEN']}"}
    url = f"{alice['URL']}/api/contents/test.ipynb"
    made = requests.put(
        url, headers=headers, json={"type": "notebook", "content": NOTEBOOK}, timeout=SECONDS
    )
    assert made.ok, made.text
    run(bin_ / "python", "-c", NBMODEL_CLIENT, environment={**os.environ, **alice})
    seen = requests.get(url, headers=headers, timeout=SECONDS).json()["content"]["cells"]
    assert seen[-1]["source"] == "print('hello world')"  # after the empty cell of a new notebook
    assert seen[-1]["outputs"][0]["text"] == "hello world\n"


def jh_exec(
    bin_: Path, lab: HubLab, user: str, token: str, code: str
) -> subprocess.CompletedProcess[str]:
    """`jh-exec exec`, configured by the variables of its page ("Local JupyterHub (HTTP)")."""
    host, port = lab.get_service_host("proxy", 8000), lab.get_service_port("proxy", 8000)
    variables = {
        "JH_HOST": str(host),
        "JH_PORT": str(port),
        "JH_USER": user,
        "JH_TOKEN": token,
        "JH_SSL": "false",
        "JH_TIMEOUT": "60",
    }
    return subprocess.run(
        [bin_ / "jh-exec", "exec", code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_jupyterhub_exec(bin_: Path, lab: HubLab, alice: dict[str, str]) -> None:
    """`jh-exec exec` prints what the kernel printed."""
    done = jh_exec(bin_, lab, "alice", alice["TOKEN"], "import platform; print(platform.node())")
    assert done.returncode == 0, done.stderr
    assert "node2" in done.stdout.split()


def test_jhub_client(bin_: Path, lab: HubLab, tmp_path: Path) -> None:
    """`jhubctl run` of a notebook as bob, whose server it starts and stops."""
    notebook = tmp_path / "notebook.ipynb"
    output = [{"output_type": "stream", "name": "stdout", "text": ["bob\n"]}]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "source": ["import os; print(os.environ['JUPYTERHUB_USER'])"],
        "outputs": output,
        "metadata": {},
        "execution_count": None,
    }
    notebook.write_text(json.dumps({**NOTEBOOK, "cells": [cell]}))
    environment = {**os.environ, "JUPYTERHUB_API_TOKEN": token_of(lab, "bob")}
    options = ("--hub", lab.url, "--validate", "--stop-server")
    argv = ("--verbose", "run", "--notebook", str(notebook), *options)
    run(bin_ / "jhubctl", *argv, environment=environment)
