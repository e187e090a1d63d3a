"""The web server and the cache of the guide, as they stand there, in front of hosts."""

from __future__ import annotations

import http.client
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.repository.publish import publish
from omnibuild.repository.targets.headers import headers_of
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import load_signer
from tests.integration.remote.servers import Server, free_ports, running
from tests.integration.repository.clients import Apt
from tests.unit.repository.samples import PLATFORMS, USER_ID, package
from tests.unit.repository.samples import created_signer as signer

GUIDE = Path(__file__).parents[3] / "docs/guides/publishing.md"
NGINX = "/usr/sbin/nginx"
AROUND = """
daemon off;
master_process off;
pid {directory}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    {snippet}
}}
"""


def snippet(kind: str) -> str:
    """Return what the guide shows in a language."""
    (found,) = re.findall(rf"```{kind}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return str(found)


def hook() -> str:
    """Return the command that the guide gives for Varnish."""
    (found,) = re.findall("export OMNIBUILD_AFTER_PUBLISH='(.*?)'", GUIDE.read_text())
    return str(found)


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Server]:
    """The web server of the guide, in front of ``repository``."""
    directory = tmp_path / "nginx"
    directory.mkdir()
    (port,) = free_ports(1)
    text = snippet("nginx").replace("listen 80", f"listen 127.0.0.1:{port}")
    text = text.replace("/srv/www/repo", str(tmp_path / "repository"))
    configuration = directory / "nginx.conf"
    configuration.write_text(AROUND.format(directory=directory, snippet=text))
    command = [NGINX, "-p", str(directory), "-e", str(directory / "start.log")]
    server = Server([*command, "-c", str(configuration)], port, directory / "log", lambda: True)
    with running(server):
        yield server


@pytest.fixture
def varnish(tmp_path: Path, nginx: Server) -> Iterator[Server]:
    """The cache of the guide, in front of the web server."""
    directory = tmp_path / "varnish"
    directory.mkdir()
    (port,) = free_ports(1)
    (directory / "vcl").write_text(snippet("vcl").replace("8080", str(nginx.port)))
    command = ["/usr/sbin/varnishd", "-j", "none", "-F", "-f", str(directory / "vcl")]
    command += ["-n", str(directory / "work"), "-a", f"127.0.0.1:{port}", "-s", "malloc,16M"]
    with running(Server(command, port, directory / "log", lambda: True)) as server:
        yield server


def test_a_web_server_says_what_buckets_say(tmp_path: Path, nginx: Server) -> None:
    root = tmp_path / "repository"
    files = [package(tmp_path, platform=platform) for platform in PLATFORMS]
    publish(files, root, signer(), platforms=PLATFORMS, base_url="https://packages.example.com")
    said, wrong = {}, []
    with closing(http.client.HTTPConnection("127.0.0.1", nginx.port)) as connection:
        for file in root.rglob("*"):
            path = file.relative_to(root).as_posix()
            if file.is_dir() or path.startswith("state/"):
                continue
            connection.request("HEAD", f"/{path}")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
            said[path] = (answer.headers["Content-Type"], answer.headers["Cache-Control"])
            headers = headers_of(path)
            wanted = (headers["ContentType"], headers["CacheControl"])
            if said[path] != wanted:
                wrong.append(f"{path}: {said[path]} {wanted}")
        connection.request("HEAD", "/state/head.json")
        assert connection.getresponse().status == 404
    assert wrong == []
    assert len(said) > 30


def test_a_cache_that_is_told_shows_the_new_state_at_once(tmp_path: Path, varnish: Server) -> None:
    root, url = tmp_path / "repository", f"http://127.0.0.1:{varnish.port}"
    key = create_key(tmp_path / "key", USER_ID).path
    trusted = tmp_path / "public.asc"
    trusted.write_bytes(load_signer(key).public_key_armored)
    versions = [package(tmp_path, version=f"1.{number}") for number in range(3)]
    words = ["--repo", str(root), "--key", str(key)]
    apt = Apt(tmp_path / "apt")
    apt.follow(url, trusted)

    def candidate() -> str:
        """Return the version that a host installs which reads everything anew."""
        shutil.rmtree(tmp_path / "apt/lists")
        (tmp_path / "apt/lists/partial").mkdir(parents=True)
        updated = apt.run("update")
        assert updated.returncode == 0, updated.stdout
        done = apt.run("download", "--print-uris", "hello")
        assert done.returncode == 0, done.stdout
        return re.findall(r"hello_([0-9.]+)-1_", done.stdout)[0]

    assert main(["publish", str(versions[0]), *words, "--url", url]) == 0
    assert candidate() == "1.0"
    # Nobody tells the cache: what it has is older, and of one state.
    assert main(["publish", str(versions[1]), *words]) == 0
    assert candidate() == "1.0"
    assert main(["publish", str(versions[2]), *words, "--after-publish", hook()]) == 0
    assert candidate() == "1.2"
    assert main(["repo", "yank", "hello=1.2", "--reason", "bad", *words]) == 0
    assert candidate() == "1.2"
    assert (
        main(["repo", "yank", "hello=1.1", "--reason", "bad", *words, "--after-publish", hook()])
        == 0
    )
    assert candidate() == "1.0"
