"""A PEX file on hosts that bring the interpreter: no network, any directory, any user."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.hosts import Host, HostPool
from tests.acceptance.products import Products, omnibuild

RECIPE = """\
[app]
name = "charset-normalizer"
version = "3.5.3"
summary = "Tells how texts are encoded"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
index = "charset-normalizer==3.5.3"

[python]
version = "3.11"
{python}

[commands]
normalizer = "normalizer --minimal"
charset-module = "python -m charset_normalizer"

[environment]
CHARSETS = "{{all of them}}"

[config]
"/etc/charsets.conf" = "charsets.conf"
"""
NAME = "charset-normalizer-3.5.3-linux-x86_64.pex"


def run(host: Host, *words: str, user: str = "alice", **environment: str) -> str:
    return host.run(*words, user=user, environment=environment).stdout


def build(base: Path, python: str = "") -> Path:
    base.mkdir()
    (base / "omnibuild.toml").write_text(RECIPE.format(python=python))
    (base / "charsets.conf").write_text("all\n")
    omnibuild("lock", base)
    said = omnibuild("build", base, "-p", "pex", "-o", base / "dist").stderr
    assert "leaves out [config]" in said
    base.chmod(0o755)
    return base / "dist"


def test_debians_python_runs_it(hosts: HostPool, products: Products, tmp_path: Path) -> None:
    dist = build(tmp_path / "wheels")
    built = build(tmp_path / "built", 'from-source = ["charset-normalizer"]')
    tmp_path.chmod(0o755)
    host = hosts.debian(
        "bookworm", packages=("python3",), binds={dist: "/downloads", built: "/built"}
    )
    host.add_user("alice", "/home/alice")
    text = "/tmp/a text.txt"
    host.write(text, "Žluťoučký kůň úpěl.\n" * 40)
    before = host.paths()
    assert run(host, f"/downloads/{NAME}", text) == "utf_8\n"
    # It is unpacked once, and nowhere else.
    new = {path for path in host.paths() - before if not path.startswith("/home/alice/")}
    assert not new
    names = (
        "import charset_normalizer.md as m, os, sys; print(m.__file__[-3:], os.environ['CHARSETS'])"
    )
    asked = run(host, f"/downloads/{NAME}", "-c", names, PEX_INTERPRETER="1")
    assert asked == ".so {all of them}\n"
    asked = run(host, f"/downloads/{NAME}", "-c", names, PEX_INTERPRETER="1", CHARSETS="mine")
    assert asked == ".so mine\n"
    # Under another name, in another directory, of a user without a home that can be written.
    run(host, "cp", f"/downloads/{NAME}", "/opt/charsets", user="root")
    host.run("useradd", "--home-dir", "/nonexistent", "bob")
    assert run(host, "/opt/charsets", text, user="bob", PEX_ROOT="/tmp/bob") == "utf_8\n"
    assert run(host, "/usr/bin/python3", "/opt/charsets", text, user="bob") == "utf_8\n"
    # What is compiled here names no place of the build.
    (name,) = (path.name for path in built.glob("*.pex"))
    assert run(host, f"/built/{name}", text) == "utf_8\n"


def test_another_interpreter_is_refused(hosts: HostPool, products: Products) -> None:
    binds = {products.hello_pex: "/downloads"}
    old = hosts.debian("bookworm", packages=("python3",), binds=binds)
    done = old.run("/usr/bin/python3", "/downloads/hello-1.0.0.pex", "--version", check=False)
    assert done.status
    assert "CPython==3.13.*" in done.stderr
    host = hosts.debian("trixie", packages=("python3",), binds=binds)
    assert run(host, "/downloads/hello-1.0.0.pex", "--version", user="root") == "hello 1.0.0\n"
    asked = run(host, "/downloads/hello-1.0.0.pex", "--version", user="root", PEX_SCRIPT="gunicorn")
    assert asked.startswith("gunicorn (version ")


def test_it_is_published_as_a_signed_download(products: Products, tmp_path: Path) -> None:
    files = sorted(products.hello_pex.iterdir())
    assert [path.name for path in files] == [
        "hello-1.0.0.pex",
        "hello-1.0.0.pex.manifest.json",
        "hello-1.0.0.pex.sha256",
    ]
    products.publish(tmp_path / "repo", products.hello_pex)
    downloads = {path.name for path in (tmp_path / "repo/downloads").iterdir()}
    assert {"hello-1.0.0.pex", "hello-1.0.0.pex.sha256", "hello-1.0.0.pex.asc"} <= downloads
    assert "PEX file" in (tmp_path / "repo/index.html").read_text()
