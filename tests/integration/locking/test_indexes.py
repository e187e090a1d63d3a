"""Indexes of a project are obeyed, and no other is asked for what is theirs."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from omnibuild import pipeline
from omnibuild.errors import DefinitionError, LockError, SourceError
from omnibuild.locking.fetching import fetched
from omnibuild.locking.lock import Locked, check
from omnibuild.recipe.lock import load_lock
from tests.integration.locking.test_lock import selected
from tests.integration.locking.workspaces import API, PROJECT, Shop, pure
from tests.unit.sources.python.samples import publish, wheel
from tests.unit.transfer.server import Answer, Handler, Server, running

USER, PASSWORD = "robot", "s3/cr:t"
NAMED = '\n[[tool.uv.index]]\nname = "corp"\nurl = "{url}"\nexplicit = true\n'
PINNED = NAMED + '[tool.uv.sources]\nLib = {{ index = "corp" }}\n'


@pytest.fixture
def corp() -> Iterator[Server]:
    """A second index, of a company."""
    with running() as server:
        yield server


def asked(server: Server) -> set[str]:
    return {path for path, _ in server.requests}


def test_a_package_is_only_where_the_project_says(shop: Shop, corp: Server) -> None:
    shop.packages["lib"] = pure("lib", "1", "9")
    shop.packages["web"] = pure("web", "1", requires=("lib",))
    url = publish(corp, lib=pure("lib", "2"))
    shop.project = PROJECT + PINNED.format(url=url)
    made = shop.lock()
    assert selected(made) == {"lib": "2"}
    assert "/simple/lib/" not in asked(shop.server)
    (package,) = (each for each in made.content.packages if each.name == "lib")
    assert package.index == url
    # What others require is no way around it.
    shop.project = shop.project.replace('"lib>=1"', '"web"')
    assert selected(shop.lock()) == {"lib": "2", "web": "1"}
    # Nor is its absence there: no other index is a substitute.
    corp.answers.clear()
    with pytest.raises(LockError, match="cannot be resolved"):
        shop.lock(upgrade=[""])
    # Nor later, when the file is fetched: a stranger's index is not even asked.
    shop.server.requests.clear()
    (file,) = (each for each in load_lock(made.path).select("3.13", "2.31") if each.name[0] == "l")
    with pytest.raises(SourceError):
        fetched(shop.settings(), [file], lambda _: None)
    assert "/simple/lib/" not in asked(shop.server)


def test_what_comes_first_and_last(shop: Shop, corp: Server) -> None:
    url = publish(corp, lib=pure("lib", "1"))
    shop.packages |= {"lib": pure("lib", "1", "9"), "six": pure("six", "1")}
    shop.project = PROJECT.replace('"lib>=1"', '"lib", "six"')
    # The first index that has a package counts, whatever versions others have.
    first = f'\n[[tool.uv.index]]\nurl = "{url}"\n'
    for text in (first, f'\n[tool.uv]\nextra-index-url = ["{url}"]\n'):
        shop.project = PROJECT.replace('"lib>=1"', '"lib", "six"') + text
        upgrade = [""] if text != first else []
        assert selected(shop.lock(upgrade=upgrade)) == {"lib": "1", "six": "1"}
    # A default replaces the machine's own.
    shop.project = PROJECT + first + "default = true\n"
    with pytest.raises(LockError):
        shop.lock()
    publish(corp, **{name: shop.packages[name] for name in ("build", "flit-core")})
    shop.server.requests.clear()
    assert selected(shop.lock()) == {"lib": "1"}
    assert not asked(shop.server)


@pytest.mark.parametrize(
    ("priority", "version"), [("primary", "1"), ("supplemental", "9"), ("explicit", "9")]
)
def test_sources_of_poetry(shop: Shop, corp: Server, priority: str, version: str) -> None:
    shop.packages["lib"] = pure("lib", "9")
    build = {name: shop.packages[name] for name in ("build", "flit-core")}
    url = publish(corp, lib=pure("lib", "1"), **build)
    source = f'\n[[tool.poetry.source]]\nname = "corp"\nurl = "{url}"\npriority = "{priority}"\n'
    shop.project = PROJECT + source
    assert selected(shop.lock()) == {"lib": version}
    shop.project += '[tool.poetry.dependencies]\nlib = { version = "*", source = "corp" }\n'
    assert selected(shop.lock(upgrade=[""])) == {"lib": "1"}


def private(server: Server) -> None:
    """Let a server answer nobody but one."""
    login = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"

    def guarded(answer: Answer) -> Answer:
        def check(handler: Handler) -> None:
            if handler.headers.get("Authorization") == login:
                answer(handler)
            else:
                handler.reply(401, b"who are you?", WWW_Authenticate='Basic realm="corp"')

        return check

    for path, answers in server.answers.items():
        server.answers[path] = list(map(guarded, answers))


@pytest.fixture(params=["variables", "netrc", "keyring"])
def login(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the places where a password may be."""
    monkeypatch.setenv("HOME", str(tmp_path))
    if request.param == "variables":
        monkeypatch.setenv("UV_INDEX_CORP_USERNAME", USER)
        monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    elif request.param == "netrc":
        path = tmp_path / "netrc"
        path.write_text(f"machine 127.0.0.1\nlogin {USER}\npassword {PASSWORD}\n")
        monkeypatch.setenv("NETRC", str(path))
    else:
        monkeypatch.setenv("UV_INDEX_CORP_USERNAME", USER)
        program = tmp_path / "bin/keyring"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\n[ "$1 $3" = "get {USER}" ] && echo "{PASSWORD}"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return str(request.param)


def test_a_private_index(shop: Shop, corp: Server, login: str) -> None:
    url = publish(corp, lib=pure("lib", "2"))
    private(corp)
    shop.project = PROJECT + PINNED.format(url=url)
    made = shop.lock()
    assert selected(made) == {"lib": "2"}
    text = made.path.read_text()
    assert url in text
    assert not [word for word in (USER, PASSWORD, "s3%2F") if word in text]
    assert_fetched(shop, made, "lib")


def assert_fetched(shop: Shop, made: Locked, name: str) -> None:
    files = load_lock(made.path).select("3.13", "2.31")
    (file,) = (each for each in files if each.package == name)
    (path,) = fetched(shop.settings(), [file], lambda _: None).values()
    assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256


def test_indexes_of_a_requirements_file(shop: Shop, corp: Server) -> None:
    shop.packages["lib"] = pure("lib", "99")
    shop.packages["other"] = pure("other", "1")
    url = publish(corp, lib=pure("lib", "2"))
    corp.serve("/simple/other/", lambda handler: handler.send_error(404))
    shop.project = ""
    shop.directory.mkdir(parents=True)
    (shop.directory / "requirements.txt").write_text(f"--extra-index-url {url}\nlib\nother\n")
    made = shop.lock()
    assert selected(made) == {"lib": "2", "other": "1"}
    assert_fetched(shop, made, "lib")
    # Without it the lock is another one.
    (shop.directory / "requirements.txt").write_text("lib\nother\n")
    with pytest.raises(LockError, match="stale"):
        check(shop.settings(), "shop")


@pytest.mark.parametrize("variable", ["UV_INDEX", "PIP_EXTRA_INDEX_URL"])
def test_an_index_that_the_environment_names(
    shop: Shop, corp: Server, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """A stranger has published a newer version of what only this index has."""
    shop.packages["lib"] = pure("lib", "99")
    url = publish(corp, lib=pure("lib", "2"))
    private(corp)
    word = url.replace("://", f"://{USER}:{quote(PASSWORD, safe='')}@")
    monkeypatch.setenv(variable, f"corp={word}" if variable == "UV_INDEX" else word)
    # What settings of a machine say is no matter of this test.
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    made = shop.lock()
    assert selected(made) == {"lib": "2"}
    text = made.path.read_text()
    assert url in text
    assert not [secret for secret in (USER, PASSWORD, "s3%2F") if secret in text]
    assert_fetched(shop, made, "lib")
    # The lock holds for those who have no such variable: they ask the same index, and no other.
    monkeypatch.delenv(variable)
    assert check(shop.settings(), "shop")
    shutil.rmtree(shop.base / "cache")
    with pytest.raises(SourceError) as refused:
        assert_fetched(shop, made, "lib")
    assert "401" in refused.value.why
    # Nor does a stranger get in when it is made anew.
    for upgrade in ([], ["lib"], [""]):
        with pytest.raises(LockError, match="which nothing names any more") as moved:
            shop.lock(upgrade=upgrade)
        assert url in moved.value.hint
    made.path.unlink()
    assert selected(shop.lock()) == {"lib": "99"}


def test_nobody_is_told_the_password(
    shop: Shop, corp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_CORP_USERNAME", USER)
    monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", PASSWORD)
    url = publish(corp, other=pure("other", "2"))
    corp.serve("/simple/lib/", lambda handler: handler.send_error(404))
    private(corp)
    shop.project = PROJECT + PINNED.format(url=url)
    with pytest.raises(LockError) as caught:
        shop.lock()
    assert "lib" in caught.value.why
    assert not [word for word in (PASSWORD, "s3%2F") if word in str(caught.value.why)]
    # Without it the error says what is missing.
    monkeypatch.delenv("UV_INDEX_CORP_PASSWORD")
    monkeypatch.setenv("UV_INDEX_CORP_USERNAME", "nobody")
    with pytest.raises(SourceError) as refused:
        shop.lock()
    assert "401" in refused.value.why
    assert "UV_INDEX_NAME_USERNAME" in refused.value.hint


def test_what_exists_only_as_source_there(shop: Shop, corp: Server) -> None:
    shop.packages["lib"] = {"lib-9-py3-none-any.whl": wheel("lib", "9")}
    url = publish(corp, lib=pure("lib", "2"), other=pure("other", "1"))
    shop.project = PROJECT + PINNED.format(url=url)
    shop.python = 'from-source = ["lib"]'
    with pytest.raises(LockError, match="lib 2 has no source distribution"):
        shop.lock()
    assert "/simple/lib/" not in asked(shop.server)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[tool.uv.index]]\nurl = "./packages"', "an index needs a `url`"),
        ('[[tool.uv.index]]\nurl = "https://x"\nformat = "flat"', "`format` of an index"),
        ('[tool.uv.sources]\nlib = { index = "corp" }', "no index of the project is called `corp`"),
        ('[[tool.poetry.source]]\nname = "x"\nurl = "https://x"\npriority = "odd"', "no kind"),
    ],
)
def test_indexes_that_are_none(shop: Shop, text: str, says: str) -> None:
    shop.project = f"{PROJECT}\n{text}\n"
    with pytest.raises(DefinitionError, match=says) as caught:
        shop.lock()
    assert caught.value.where is not None
    assert caught.value.where.line > 8


def test_constraints_overrides_and_the_rest(shop: Shop) -> None:
    shop.packages |= {
        "lib": pure("lib", "1", requires=("other<2", "gone")),
        "other": pure("other", "1", "2", "3"),
        "flit-core": {
            **shop.packages["flit-core"],
            "flit_core-2-py3-none-any.whl": wheel("flit_core", "2", members=API),
        },
    }
    shop.project = PROJECT + (
        '[tool.uv]\nconstraint-dependencies = ["other<3"]\noverride-dependencies = ["other>1"]\n'
        'exclude-dependencies = ["gone"]\nbuild-constraint-dependencies = ["flit-core<2"]\n'
    )
    made = shop.lock()
    assert selected(made) == {"lib": "1", "other": "2"}
    assert selected(made, "build")["flit-core"] == "1"
    # The lock remembers them, too.
    text = shop.project.replace("other<3", "other<2.5")
    (shop.directory / "pyproject.toml").write_text(text)
    with pytest.raises(LockError, match="stale") as caught:
        pipeline.plan(shop.settings(), "shop")
    assert "constraint other<2.5 is a rule of the project, and was not" in caught.value.why
    # uv's own file counts as well.
    shop.project = PROJECT
    (shop.directory / "uv.toml").write_text('resolution = "lowest"\n')
    shop.packages["lib"] = pure("lib", "1", "2")
    assert selected(shop.lock(upgrade=[""])) == {"lib": "1"}


def test_an_index_that_does_not_answer_is_named_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNIBUILD_INDEX_URL", "http://robot:secret@127.0.0.1:9/simple")
    began = time.monotonic()
    with pytest.raises(SourceError, match="the Python package index does not answer") as caught:
        shop.lock()
    # uv would try for ten seconds.
    assert time.monotonic() - began < 8
    said = str(caught.value)
    assert "http://127.0.0.1:9/simple/: the host refuses the connection" in said
    assert "the address is from OMNIBUILD_INDEX_URL" in said
    assert "OMNIBUILD_INDEX_URL name another index" in said
    assert "secret" not in said


def test_an_index_of_the_project_that_does_not_answer_is_named(shop: Shop) -> None:
    shop.project = PROJECT + NAMED.format(url="http://127.0.0.1:9/simple").replace("true", "false")
    with pytest.raises(SourceError) as caught:
        shop.lock()
    assert "http://127.0.0.1:9/simple/" in caught.value.why
    assert "the address is from the project, which calls it 'corp'" in caught.value.why


def test_files_that_the_index_does_not_deliver(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop.lock()
    made.write()
    monkeypatch.setenv("OMNIBUILD_INDEX_URL", "http://127.0.0.1:9/simple")
    files = [
        dataclasses.replace(file, url="") for file in load_lock(made.path).select("3.13", "2.31")
    ]
    with pytest.raises(SourceError) as caught:
        fetched(shop.settings(), files, lambda _: None)
    assert "http://127.0.0.1:9/simple/: the host refuses the connection" in str(caught.value)
    assert "OMNIBUILD_INDEX_URL" in caught.value.hint
