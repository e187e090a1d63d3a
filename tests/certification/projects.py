"""Projects of the shapes that people have, and what each is used for on a host."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.hosts import BootedHost, CommandFailedError, eventually

HERE = Path(__file__).with_name("apps")
SITE = "http://127.0.0.1:8080"
MANY = 150


@dataclass(frozen=True)
class Project:
    """A project and its use.

    Args:
        name: of its directory in ``apps/``, and of the app.
        check: uses it over HTTP, for the first and the second time; returns what was used.
        changed: files that are different in its second revision.
        change: the old text in them, and the new.
        environment: what the operator says on the host.
    """

    name: str
    check: Callable[[BootedHost, int], str]
    changed: tuple[str, ...]
    change: tuple[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> Path:
        """The project's directory."""
        return HERE / self.name


def answers(host: BootedHost, path: str, *options: str, status: int = 200) -> str:
    """Return a page, once the app has begun to serve."""
    found: list[str] = []

    def served() -> bool:
        try:
            response = host.fetch(f"{SITE}{path}", *options)
        except CommandFailedError:
            return False
        found.append(response.body)
        return response.status == status

    try:
        eventually(served, f"{path} answers {status}", seconds=30, pause=0.2)
    except CommandFailedError as error:
        raise AssertionError(f"{error}; the last answer: {found[-1:]}") from error
    return found[-1]


def shop(host: BootedHost, number: int) -> str:
    """Use a Django shop: its page, its static files, its admin page, its command and its timer."""
    page = answers(host, f"/?order=thing{number}")
    assert f"<title>Shop {number}</title>" in page
    # Orders are kept by the upgrade; whichever worker answers has the same.
    assert f"orders: {number}," in page
    style = re.search(r'href="([^"]+shop\.css)"', page)
    assert style
    assert "font-weight" in answers(host, style[1])
    if number == 1:
        host.run(
            *("shop", "createsuperuser", "--noinput", "--username=boss", "--email=b@example.com"),
            environment={"DJANGO_SUPERUSER_PASSWORD": "very secret 1"},
        )
    file = f"{tempfile.gettempdir()}/omnibuild-shop-cookies"
    # Who is logged in gets no form.
    Path(file).unlink(missing_ok=True)
    jar = ("--cookie", file, "--cookie-jar", file)
    form = answers(host, "/admin/login/", *jar)
    token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', form)
    assert token
    fields = {"csrfmiddlewaretoken": token[1], "username": "boss", "password": "very secret 1"}
    data = [
        word for key, value in fields.items() for word in ("--data-urlencode", f"{key}={value}")
    ]
    answers(host, "/admin/login/?next=/admin/", *jar, *data, "--referer", SITE, status=302)
    assert "Site administration" in answers(host, "/admin/", *jar)
    host.run("systemctl", "start", "shop-tidy.service")
    assert f"tidied: {number}" in answers(host, "/")
    assert host.unit("shop-tidy.timer")["ActiveState"] == "active"
    return "page, static file, login to the admin page, createsuperuser, timer, data kept"


def board(host: BootedHost, number: int) -> str:
    """Use a FastAPI app and its worker."""
    assert f"Board {number}" in answers(host, "/openapi.json")
    header = ("--header", "Content-Type: application/json")
    answers(host, "/notes", *header, "--data", json.dumps({"text": f"n{number}"}), status=201)
    # pydantic says no.
    answers(host, "/notes", *header, "--data", '{"text": ""}', status=422)

    def printed() -> bool:
        notes = json.loads(answers(host, "/notes"))
        return [note["printed"] for note in notes] == [True] * number

    eventually(printed, "the worker has printed all notes", seconds=20, pause=0.3)
    eventually(
        lambda: f"note: n{number}" in host.journal("--unit=board-worker"), "the journal has it"
    )
    return "pydantic takes and refuses, the worker works, data kept"


def media(host: BootedHost, number: int) -> str:
    """Use a page that calls psycopg, lxml, Pillow, cryptography and numpy."""
    page = json.loads(answers(host, "/"))
    assert page == {
        "version": number,
        "numpy": 5.0,
        "pillow": True,
        "cryptography": "kept",
        "lxml": "text",
        "psycopg": True,
    }
    return "a page that calls psycopg, lxml, Pillow, cryptography and numpy"


def panel(host: BootedHost, number: int) -> str:
    """Use an app whose pages vite bundles of TypeScript, React and Tailwind."""
    page = answers(host, "/")
    script = re.search(r'src="(/assets/[^"]+\.js)"', page)
    style = re.search(r'href="(/assets/[^"]+\.css)"', page)
    assert script, page
    assert style, page
    bundled = answers(host, script[1])
    assert f"Panel {number}" in bundled
    # React is in it, and none of the types.
    assert "useState" in bundled
    assert "interface" not in bundled
    # Only of the classes that the pages have, Tailwind makes rules.
    rules = answers(host, style[1])
    assert ".underline{" in rules
    assert ".line-through" not in rules
    assert [lamp["lit"] for lamp in json.loads(answers(host, "/api/lamps"))] == [True, False]
    assert not host.shell("find /opt/panel -name node_modules -o -name node -o -name npm").stdout
    return "page, bundled script and style, what they ask the app for"


def giant(host: BootedHost, number: int) -> str:
    """Use a page that imports all of a giant's packages."""
    page = json.loads(answers(host, "/", "--max-time", "120"))
    assert page["version"] == number
    assert page["distributions"] >= MANY, page
    assert not page["failed"], page
    return f"a page that imports all of {page['distributions']} distributions"


STATE = "/var/lib"
PROJECTS = (
    Project(
        "shop",
        shop,
        changed=("orders/templates/orders/front.html",),
        change=("Shop 1", "Shop 2"),
        environment={
            "SECRET_KEY": "of this host",
            "DATABASE": f"{STATE}/shop/db.sqlite3",
            "STATIC_ROOT": f"{STATE}/shop/static",
        },
    ),
    Project(
        "board",
        board,
        changed=("board/api.py",),
        change=("Board 1", "Board 2"),
        environment={"DATABASE_URL": f"sqlite:///{STATE}/board/notes.sqlite3"},
    ),
    Project("media", media, changed=("app.py",), change=("version=1", "version=2")),
    Project("panel", panel, changed=("frontend/src/App.tsx",), change=("Panel 1", "Panel 2")),
)
GIANT = Project("giant", giant, changed=("app.py",), change=("version=1", "version=2"))
