"""What the scenarios' decision tables say of the questions that `hublab matrix` asks too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scenarios.origin import server_rules, test_hub_api, test_websocket

from hublab.cases.decision_table import decide
from hublab.cases.matrix import Case
from hublab.matrix.probes import ORIGIN
from hublab.probes.cross_origin import COOKIE, TOKEN, Asking, CorsAccess
from hublab.settings.syntax import parse_value
from hublab.settings.values import Settings

HOST = "proxy:8000"
"""As the client host asks, and the server calls itself."""


def case_of(values: Mapping[str, str]) -> Case:
    """The case of a row of a matrix."""
    return Case(Settings({key: parse_value(key, text) for key, text in values.items()}))


def expected(values: Mapping[str, str]) -> dict[str, str]:
    """Question -> what the tables promise: a status, or what decides who may read."""
    case = case_of(values)
    policy = server_rules.policy_of(case)
    by_token, by_cookie = Asking(TOKEN, origin=ORIGIN), Asking(COOKIE, origin=ORIGIN)
    upgrade = test_websocket.Upgrade(by_cookie, policy, HOST)
    header = test_hub_api.headers_of(case).get(test_hub_api.HEADER)
    return {
        "origin": str(server_rules.expected(server_rules.Situation(by_token, policy, HOST))),
        "hub-origin": str(CorsAccess(decide(test_hub_api.STATUS, by_cookie), header)),
        "websocket": str(decide(test_websocket.ROWS, upgrade)),
    }


def wrong_answers(rows: list[dict[str, Any]]) -> list[str]:
    """The answers of a matrix that the tables contradict."""
    wrong = []
    for row in rows:
        for name, promised in expected(row["values"]).items():
            if name in row["cells"]:
                cell = row["cells"][name]
                seen = cell["short"] if name == "websocket" else cell["detail"]
                if seen != promised:
                    wrong.append(f"{row['id']}: {name} is {seen}, and not {promised}")
    return wrong
