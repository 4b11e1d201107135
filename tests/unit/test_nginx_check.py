"""What is made of nginx's own words on a directive that was set."""

from __future__ import annotations

from typing import Any, cast

import pytest

from hublab.engine import Engine, ExecResult
from hublab.errors import LabError, SettingError
from hublab.settings import checking
from hublab.settings.checking import check_nginx_directives, check_settings
from hublab.settings.values import Settings

VALUES = {"listen": "80", "proxy_set_header.Host": "$hots"}
AT = "in /etc/hublab/site.conf:3"


class Nginx:
    """An engine whose nginx says this."""

    def __init__(self, code: int, said: str) -> None:
        self._result = ExecResult(code, "", said)

    def run_once(self, *_: Any) -> ExecResult:
        return self._result


def check(code: int, said: str) -> None:
    check_nginx_directives(cast(Engine, Nginx(code, said)), "image", VALUES)


@pytest.mark.parametrize(
    "said",
    [
        f'host not found in upstream "proxy" {AT}',
        "bind() to 198.18.0.21:80 failed (99: Cannot assign requested address)",
        'cannot load certificate "/etc/hublab/x.pem": BIO_new_file() failed',
    ],
)
def test_what_only_a_lab_has_is_left_to_the_lab(said: str) -> None:
    check(1, said)


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (f'invalid port in "80x" of the "listen" directive {AT}', "nginx.listen"),
        ('unknown "hots" variable', "nginx.listen, nginx.proxy_set_header.Host"),
    ],
)
def test_a_refusal_names_the_directive_or_all_that_were_set(said: str, where: str) -> None:
    with pytest.raises(SettingError, match="nginx does not accept it") as caught:
        check(1, said)
    assert caught.value.where == where
    assert said in caught.value.message


def test_an_unknown_directive_gets_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "nginx_directives_of", lambda *_: ["proxy_buffering", "listen"])
    with pytest.raises(
        SettingError, match=r"no software in this lab has .* nginx\.listn"
    ) as caught:
        check(1, f'unknown directive "listn" {AT}')
    assert caught.value.hint == "nginx.listen"


def test_an_image_without_the_lab_s_nginx_is_no_refusal() -> None:
    with pytest.raises(LabError, match="could not check"):
        check(127, "make_site: not found")


def test_a_lab_without_the_host_that_reads_a_setting() -> None:
    settings = Settings({"nginx.listen": "81"})
    engine: Any = type("NoEngine", (), {"for_lab": lambda self, lab: self})()
    with pytest.raises(SettingError, match="no host of this lab reads it") as caught:
        check_settings(engine, {"hub": "x", "proxy": "y"}, settings)
    assert (caught.value.where, "reverse-proxy" in str(caught.value.hint)) == ("nginx.listen", True)
