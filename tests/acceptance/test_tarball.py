"""The tarball: an ordinary user unpacks it anywhere, and moves it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.acceptance.hosts import Authority, ChrootHost, Host, HostPool, serve
from tests.acceptance.products import Products
from tests.acceptance.steps import running, visit

HOME = "/home/alice smith"
# Where Debian, EL and SUSE keep what they trust.
BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
)
TRUSTED = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"


def assert_interpreter_is_at_home(host: Host, authority: Authority, tree: str) -> None:
    """Check the interpreter of a moved tree when it is called itself, and not by a launcher."""
    python = f"{tree}/bin/python3.13"
    # Names of the caller's choice: one that is nothing, and one that is the host's on PATH.
    for name in ("foo", "sh", "./python3"):
        called = f'exec -a {name} "$0" -c "import sys; print(sys.executable, sys.prefix)"'
        assert host.run("bash", "-c", called, python).stdout == f"{python} {tree}\n"

    host.run(python, "-m", "venv", "--without-pip", "/root/venv")
    prefix = host.run("/root/venv/bin/python", "-c", "import sys; print(sys.prefix)").stdout
    assert prefix == "/root/venv\n"
    host.run("rm", "-r", "/root/venv")

    def trusted(**environment: str) -> str:
        return host.run(python, "-I", "-c", TRUSTED, environment=environment).stdout.strip()

    assert trusted() == "0"
    for bundle in BUNDLES:
        host.write(bundle, authority.certificate.read_bytes())
        assert (trusted(), trusted(SSL_CERT_FILE="/nowhere")) == ("1", "0"), bundle
        host.run("rm", bundle)


def test_an_ordinary_user_runs_and_moves_it(
    hosts: HostPool, products: Products, authority: Authority
) -> None:
    # The oldest glibc that is promised.
    host = hosts.debian("bullseye", packages=("zstd",), binds={products.hello: "/downloads"})
    host.add_user("alice", HOME)
    before = host.paths()

    def as_alice(script: str) -> str:
        return host.run("sh", "-euc", f'cd "{HOME}"\n{script}', user="alice").stdout

    as_alice("tar -xf /downloads/hello-1.0.0-linux-x86_64.tar.zst")
    assert as_alice("hello-1.0.0/bin/hello --version") == "hello 1.0.0\n"
    runner = f"{HOME}/hello-1.0.0/bin/hello-run"
    with running(host, runner, user="alice"):
        assert host.listening() == {"127.0.0.1:8080"}
        assert (visit(host).server, visit(host).visits) == ("nginx", 2)
    state = f"{HOME}/.local/state/hello"
    as_alice(f"sed -i 's/^title = .*/title = \"Mine\"/' '{state}/etc/hello.toml'")

    as_alice("mkdir -p 'my apps/new'; mv hello-1.0.0 'my apps/new/greeter'")
    moved = f"{HOME}/my apps/new/greeter/bin/hello-run"
    listen = ("--listen", "127.0.0.1:9090")
    with running(host, moved, *listen, user="alice", ready="http://127.0.0.1:9090/health"):
        page = visit(host, "http://127.0.0.1:9090")
        assert (page.title, page.visits) == ("Mine", 3)
        loaded = as_alice("cat /proc/[0-9]*/maps 2>/dev/null || :")
        assert f"{HOME}/my apps/new/greeter/bin/python3.13" in loaded
        assert "/opt/hello" not in loaded
    assert as_alice(f"'{moved}' hello count") == "3\n"
    outside = {path for path in host.paths() - before if not path.startswith(f"{HOME}/")}
    assert {path for path in outside if not path.startswith("/tmp/run-alice")} == set()
    assert_interpreter_is_at_home(host, authority, f"{HOME}/my apps/new/greeter")


def test_pip_is_in_a_virtual_environment_of_a_tree(hosts: HostPool, products: Products) -> None:
    host = hosts.debian("bullseye", packages=("zstd",), binds={products.httpbin: "/downloads"})
    host.shell("tar -xf /downloads/httpbin-*.tar.zst -C /srv; mv /srv/httpbin-* /srv/tree")
    host.run("/srv/tree/bin/python3.13", "-m", "venv", "/srv/my venv")
    assert "(python 3.13)" in host.run("/srv/my venv/bin/pip", "--version").stdout


def fetched(host: ChrootHost, repository: Path, since: int) -> tuple[int, int]:
    """Return how many bytes the server sent after so many of its log, and how long that is now."""
    log = host.logs[-1].read_text()
    paths = re.findall(r'"GET /(\S+) HTTP/1.1" 200', log[since:])
    return sum((repository / path).stat().st_size for path in paths), len(log)


def test_an_update_costs_what_changed_and_the_way_back_nothing(
    hosts: HostPool, products: Products
) -> None:
    repository = products.repository_next
    host = hosts.debian("bullseye", packages=("curl", "gpgv", "zstd"))
    host.add_user("alice", HOME)
    version = f"'{HOME}/.local/bin/hello' --version"
    runner, tree = f"{HOME}/.local/bin/hello-run", f"{HOME}/.local/opt/hello"

    def as_alice(script: str) -> str:
        return host.run("sh", "-euc", script, user="alice").stdout

    with serve(host, repository) as url:
        as_alice(f"curl -fsS -o /tmp/install.sh {url}/install.sh")
        install = f"sh /tmp/install.sh --url {url} --user --json"
        _, start = fetched(host, repository, 0)
        first = json.loads(as_alice(f"{install} hello=1.0.0"))
        whole, after_first = fetched(host, repository, start)
        assert first["bytes"] > 10_000_000
        with running(host, runner, user="alice"):
            said = json.loads(as_alice(f"{install} --dry-run hello"))
            done = json.loads(as_alice(f"{install} hello"))
            update, after = fetched(host, repository, after_first)
            # What runs goes on as what it was.
            assert visit(host).version == "1.0.0"
            assert as_alice(version) == "hello 1.1.0\n"
        assert (done["version"], done["version_before"]) == ("1.1.0", "1.0.0")
        # The lists are fetched for the dry run, too.
        assert said["bytes"] == done["bytes"] < 100_000
        assert done["bytes"] < update < 150_000 < whole // 50
        with running(host, runner, user="alice"):
            assert visit(host).version == "1.1.0"
        back = json.loads(as_alice(f"{install} --rollback hello"))
        assert (back["version"], back["changed"]) == ("1.0.0", True)
        with running(host, runner, user="alice"):
            assert visit(host).version == "1.0.0"
            loaded = as_alice("cat /proc/[0-9]*/maps 2>/dev/null || :")
            # By its own path: the next switch is none for what runs.
            assert f"{tree}/1.0.0/bin/python3.13" in loaded
            assert f"{tree}/current" not in loaded
        again = json.loads(as_alice(f"{install} hello"))
        assert (again["version"], again["bytes"]) == ("1.1.0", 0)
        assert (
            fetched(host, repository, after)[0]
            == (repository / "downloads/stable.list").stat().st_size
        )

    # Layers make the same tree as the tarball, but for times and the list of parts.
    tarball = repository / "downloads/hello-1.1.0-linux-x86_64.tar.zst"
    host.copy(tarball, "/srv/whole.tar.zst")
    host.shell("mkdir /srv/whole; tar -xof /srv/whole.tar.zst -C /srv/whole")
    differences = host.shell(f"diff -r --no-dereference /srv/whole/hello-1.1.0 '{tree}/1.1.0' || :")
    assert differences.stdout == "Only in /srv/whole/hello-1.1.0/share/omnibuild: parts\n"
    modes = "find . -not -path ./share/omnibuild/parts -printf '%p %y %m %l\\n' | sort"
    listed = [
        host.shell(f"cd '{directory}'; {modes}").stdout
        for directory in ("/srv/whole/hello-1.1.0", f"{tree}/1.1.0")
    ]
    assert listed[0] == listed[1]
