"""What a recipe says to its server, and what nobody would honour."""

from __future__ import annotations

import pytest

from omnibuild.host.integration import integrate
from omnibuild.host.servers import SERVERS, nginx, option_faults
from omnibuild.host.servers.server import Option
from tests.unit.host.apps import INSTALLED, recipe

SAID: dict[Option, dict[str, object]] = {
    "workers": {"workers": 3},
    "threads": {"threads": 3},
    "options": {"options": ["--word"]},
    "limits.body": {"limits": {"body": 1}},
    "limits.request": {"limits": {"request": 1}},
    "limits.keep-alive": {"limits": {"keep-alive": 1}},
    "limits.graceful": {"limits": {"graceful": 1}},
    "access-log": {"access-log": "off"},
    "static": {"static": {"/static/": "share/static"}},
    "media": {"media": {"/media/": "media"}},
    "tls": {"tls": {"certificate": "/etc/shop/c.pem", "key": "/etc/shop/k.pem"}},
}


def refused(server: str, proxy: str | None, said: dict[str, object]) -> list[tuple[object, ...]]:
    web = recipe(web={"server": server, "app": "shop:app", "proxy": proxy, **said}).web
    assert web
    return [fault.path for fault in option_faults(web)]


@pytest.mark.parametrize("option", SAID)
@pytest.mark.parametrize("server", SERVERS)
def test_an_option_is_honoured_or_refused(server: str, option: Option) -> None:
    taken = option in SERVERS[server].takes
    assert bool(refused(server, None, SAID[option])) != taken
    web = recipe(web={"server": server, "app": "shop:app", **SAID[option]}).web
    assert web
    proxied = taken or option in nginx.takes(web)
    assert bool(refused(server, "nginx", SAID[option])) != proxied


def test_the_place_of_an_option_and_its_way_out() -> None:
    web = recipe(web={"server": "uvicorn", "app": "shop:app", "limits": {"body": 1}}).web
    assert web
    (fault,) = option_faults(web)
    assert fault.path == ("web", "limits", "body")
    assert fault.what == "`web.limits.body` is nothing that uvicorn can be told"
    assert fault.hint == 'add `proxy = "nginx"`, which does it, or take it out'


@pytest.mark.parametrize("beside", [{"threads": 2}, {"limits": {"request": 3, "keep-alive": 4}}])
def test_gunicorn_ends_no_request_of_a_thread(beside: dict[str, object]) -> None:
    said = {"limits": {"request": 3}, **beside}
    assert refused("gunicorn", None, said) == [("web", "limits", "request")]
    assert refused("gunicorn", "nginx", said) == []
    web = recipe(web={"server": "gunicorn", "app": "shop:app", **said}).web
    assert web
    (fault,) = option_faults(web)
    assert fault.what.startswith("`web.limits.request` is nothing that gunicorn can be told beside")


def test_nothing_is_refused_that_nobody_says() -> None:
    for server in SERVERS:
        assert refused(server, None, {}) == []


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", ["shop:create.app", "shop:Shop.create()"])
def test_an_app_that_the_server_would_not_find(server: str, name: str) -> None:
    web = recipe(web={"server": server, "app": name}).web
    assert web
    paths = [fault.path for fault in option_faults(web)]
    # As their own documentation has it: the others resolve all of the dots.
    assert paths == ([("web", "app")] if server in ("gunicorn", "uwsgi") else [])


def test_hypercorn_takes_for_wsgi_what_the_proxy_lets_through() -> None:
    web = {"server": "hypercorn", "app": "shop:app", "proxy": "nginx", "limits": {"body": 100}}
    files = integrate(recipe(web=web), {}, {}, INSTALLED).files
    said = files["/opt/shop/bin/shop-web"].content.decode()
    assert f'start_hypercorn.py" \\\n    0 proxied {100 << 20} ' in said


@pytest.mark.parametrize(
    ("server", "words", "refused_words"),
    [
        ("gunicorn", ["--max-requests", "9", "--bind=0.0.0.0:1", "-b", "0.0.0.0:1"], [2, 3]),
        ("waitress", ["--ident", "shop", "--listen=*:80"], [2]),
        ("uwsgi", ["--socket=/tmp/x", "--socket-timeout", "9", "--daemonize", "/log"], [0, 3]),
        ("uvicorn", ["--ws", "none", "--reload", "--port", "80"], [2, 3]),
        ("hypercorn", ["--bind", "0.0.0.0:1", "-ktrio", "--keep-alive", "5"], [0, 2]),
        ("apache", ["-c", "HostnameLookups on", "-k", "stop"], [2]),
    ],
)
def test_words_that_are_the_launchers(
    server: str, words: list[str], refused_words: list[int]
) -> None:
    web = recipe(web={"server": server, "app": "shop:app", "options": words}).web
    assert web
    places = [fault.path for fault in option_faults(web)]
    assert places == [("web", "options", index) for index in refused_words]
