"""The authenticator in a deployment of several hosts: who signs in by it, and where that leads."""

import secrets
from pathlib import Path

import pytest
import requests

from hublab.testcontainers import HubLab

CONFIG = Path(__file__).with_name("jupyterhub_config.py")
BLUE = secrets.token_urlsafe()


@pytest.fixture(scope="module")
def lab():
    passwords = {"PASSWORD_blue": BLUE, "PASSWORD_red": secrets.token_urlsafe()}
    with HubLab(nodes=2, hub_config=CONFIG, environment=passwords) as lab:
        yield lab


def sign_in(lab, user, password):
    """What a browser does with the form; returns its session and the answer."""
    browser = requests.Session()
    browser.get(f"{lab.url}hub/login", timeout=30)
    form = {"username": user, "password": password, "_xsrf": browser.cookies["_xsrf"]}
    return browser, browser.post(f"{lab.url}hub/login", data=form, timeout=60)


def test_the_lab_runs_this_authenticator(lab):
    said, _ = lab.get_logs("hub")
    assert "Using Authenticator: team_authenticator.TeamAuthenticator" in said
    signs_in = [one.trait for one in lab.overridden if one.kind == "sign-in"]
    assert signs_in == ["JupyterHub.authenticator_class"]


def test_a_team_s_password_is_for_its_people_alone(lab):
    _, alice = sign_in(lab, "alice", BLUE)
    assert alice.ok
    for user, password in (("bob", BLUE), ("alice", ""), ("carol", BLUE)):
        _, answer = sign_in(lab, user, password)
        assert answer.status_code == 403, user


def test_who_signs_in_is_in_the_group(lab):
    sign_in(lab, "alice", BLUE)
    token = {"Authorization": f"token {lab.api_token}"}
    asked = requests.get(f"{lab.url}hub/api/users/alice", headers=token, timeout=30)
    assert asked.json()["groups"] == ["blue"]


def test_the_sign_in_leads_to_a_server_on_another_host(lab):
    """The server asks the hub, by OAuth, who its visitor is."""
    server = lab.spawn("alice", on="node2")
    assert server.host == "node2"
    own = f"{lab.url}user/alice/api/me"
    browser, _ = sign_in(lab, "alice", BLUE)
    browser.get(f"{lab.url}user/alice/", timeout=60)
    assert browser.get(own, timeout=30).json()["identity"]["username"] == "alice"
    assert requests.get(own, timeout=30).status_code == 403
