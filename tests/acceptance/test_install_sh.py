"""install.sh on bare hosts: under every shell, and when something is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.hosts import ChrootHost, HostPool, serve
from tests.acceptance.products import Products, omnibuild
from tests.acceptance.steps import running, visit

SCRIPT = "/root/install.sh"
URL = "http://127.0.0.1:8000"
# What apt itself keeps when it has looked at a repository and refused it.
APT_STATE = ("/var/lib/apt/", "/var/cache/apt/")


@pytest.fixture(scope="module")
def host(module_hosts: HostPool, products: Products) -> Iterator[ChrootHost]:
    """A Debian 12 that can reach the repository and knows nothing of it."""
    host = module_hosts.debian("bookworm", packages=("busybox",))
    host.copy(products.repository / "install.sh", SCRIPT)
    host.run("useradd", "--create-home", "alice")
    with serve(host, products.repository):
        yield host


def configured(host: ChrootHost, before: frozenset[str]) -> set[str]:
    """Return what has appeared or gone since ``before``, apart from apt's own caches."""
    return {path for path in host.paths() ^ before if not path.startswith(APT_STATE)}


def set_aside(host: ChrootHost, text: str) -> str:
    """Write another version of the script; returns where."""
    path = "/root/other-install.sh"
    host.write(path, text)
    return path


@pytest.mark.parametrize("shell", [("dash",), ("bash",), ("busybox", "sh")], ids=" ".join)
def test_every_shell_installs(host: ChrootHost, shell: tuple[str, ...]) -> None:
    done = host.run(*shell, SCRIPT, "--url", URL, "hello")
    assert done.stdout.splitlines()[-1] == "hello=1.0.0-1 is installed"
    assert host.run("hello", "--version").stdout == "hello 1.0.0\n"
    assert "600 http://127.0.0.1:8000/apt" in host.run("apt-cache", "policy", "hello").stdout
    host.run("apt-get", "purge", "--yes", "hello")
    host.shell("rm /etc/apt/sources.list.d/* /etc/apt/preferences.d/* /usr/share/keyrings/releas*")


@pytest.mark.parametrize("harm", ["another key", "a damaged key"])
def test_a_key_that_did_not_sign_the_repository_is_refused(
    host: ChrootHost, tmp_path: Path, harm: str
) -> None:
    text = host.read(SCRIPT)
    begin, end = text.index("-----BEGIN PGP"), text.index("\nKEY\n")
    if harm == "another key":
        omnibuild("key", "create", tmp_path / "key", "--user", "Other <other@example.com>")
        (public,) = tmp_path.glob("*.asc")
        key = public.read_text().strip()
    else:
        lines = text[begin:end].splitlines()
        lines[5] = lines[5].swapcase()
        key = "\n".join(lines)
    script = set_aside(host, text[:begin] + key + text[end:])
    before = host.paths()
    done = host.run("sh", script, "--url", URL, "hello", check=False)
    assert done.status == 5
    assert "cannot be used; nothing was changed" in done.stderr
    assert configured(host, before) == set()


def test_a_script_that_was_cut_off_does_nothing(host: ChrootHost) -> None:
    size = len(host.read(SCRIPT).rstrip().encode())
    before = host.paths()
    done = host.shell(
        f"""
        for length in $(seq 1 41 {size}) {size - 1}; do
            head -c "$length" {SCRIPT} | sh -s -- --url {URL} hello 2>/dev/null || :
        done
        """
    )
    assert done.stdout == ""
    assert configured(host, before) == set()


def test_an_unknown_system_is_told_what_is_supported(host: ChrootHost) -> None:
    release = host.read("/etc/os-release")
    host.run("cp", "--remove-destination", "/usr/lib/os-release", "/etc/os-release")
    try:
        before = host.paths()
        for text in ('ID=plan9\nVERSION_ID="4"\n', 'ID=alpine\nVERSION_ID="3.20"\n', ""):
            host.write("/etc/os-release", text)
            done = host.run("sh", SCRIPT, "--url", URL, "hello", check=False)
            assert done.status == 3
            assert "there are no packages for this system" in done.stderr
            assert "Debian 12 (bookworm) (amd64)" in done.stderr
        assert configured(host, before) == set()
    finally:
        host.write("/etc/os-release", release)


def test_only_root_may(host: ChrootHost) -> None:
    before = host.paths()
    script = host.read(SCRIPT)
    done = host.run("sh", "-s", "--", "--url", URL, "hello", user="alice", data=script, check=False)
    assert done.status == 4
    assert "this must run as root; try: sudo" in done.stderr
    assert configured(host, before) == set()


@pytest.mark.parametrize(("release", "suite"), [("bullseye", "stable-deb11"), ("trixie", "stable")])
def test_the_oldest_and_the_newest_apt(
    hosts: HostPool, products: Products, release: str, suite: str
) -> None:
    """They verify in different ways, and say different things of sources that contradict."""
    host = hosts.debian(release)
    host.copy(products.repository / "install.sh", SCRIPT)
    with serve(host, products.repository):
        mine = "/etc/apt/sources.list.d/mine.list"
        host.write(mine, f"deb [signed-by=/root/mine.asc] {URL}/apt {suite} main\n")
        before = host.paths()
        done = host.run("sh", SCRIPT, "--url", URL, "hello", check=False)
        assert done.status == 1
        assert f"with another key, in: {mine} - remove it there first" in done.stderr
        assert configured(host, before) == set()
        host.run("rm", mine)
        done = host.run("sh", SCRIPT, "--url", URL, "hello=1.0.0")
        assert done.stdout.splitlines()[-1].endswith(" is installed")
    assert host.run("hello", "--version").stdout == "hello 1.0.0\n"


ALICE = "/home/alice smith"


@pytest.mark.parametrize(
    ("release", "packages"), [("bullseye", ("zstd",)), ("bookworm", ()), ("trixie", ())]
)
def test_a_user_of_a_bare_host_needs_no_root(
    hosts: HostPool, products: Products, release: str, packages: tuple[str, ...]
) -> None:
    """Debian 12 and 13 unpack by dpkg; 13 verifies by sqv."""
    host = hosts.debian(release, packages=packages, binds={products.repository: "/repo"})
    host.add_user("alice", ALICE)
    before = host.paths()
    install = "sh /repo/install.sh --from /repo --user"
    host.shell(f"{install} hello", user="alice")
    done = host.shell(f"cd /; '{ALICE}/.local/bin/hello' --version", user="alice")
    assert done.stdout == "hello 1.0.0\n"
    links = host.run("ls", f"{ALICE}/.local/bin").stdout.split()
    assert links == ["hello", "hello-run"]
    with running(host, f"{ALICE}/.local/bin/hello-run", user="alice"):
        assert visit(host).server == "nginx"
    host.shell(f"{install} --uninstall hello", user="alice")
    left = {path.removeprefix(f"{ALICE}/") for path in host.paths() - before}
    kept = (".local/state/hello", "/tmp/run-alice")
    assert {path for path in left if not path.startswith(kept)} == {
        *(".local", ".local/bin", ".local/opt", ".local/state")
    }


def test_what_a_bare_host_lacks_is_said(hosts: HostPool, products: Products) -> None:
    host = hosts.debian("bullseye", binds={products.repository: "/repo"})
    host.add_user("alice", ALICE)
    before = host.paths()
    install = "sh /repo/install.sh --user hello"
    done = host.shell(f"{install} --from /repo", user="alice", check=False)
    assert done.status == 1
    assert "zstd is needed to unpack hello-1.0.0-linux-x86_64.tar.zst" in done.stderr
    assert host.paths() == before


def test_a_user_of_enterprise_linux(hosts: HostPool, products: Products) -> None:
    # EL has zstd as a package, and this simulation none.
    host = hosts.simulated_el(binds={Path("/usr/bin/zstd"): "/usr/bin/zstd"})
    host.add_user("alice", ALICE)
    with serve(host, products.repository) as url:
        piped = f"curl -fsS {url}/install.sh | sh -s -- --url {url} --user"
        host.shell(f"{piped} hello=1.0.0", user="alice")
        done = host.run(f"{ALICE}/.local/bin/hello", "--version", user="alice")
        assert done.stdout == "hello 1.0.0\n"
    with serve(host, products.repository_next) as url:
        host.shell(f"{piped} hello", user="alice")
    done = host.run(f"{ALICE}/.local/bin/hello", "--version", user="alice")
    assert done.stdout == "hello 1.1.0\n"


@pytest.mark.parametrize("release", ["bullseye", "trixie"])
def test_what_was_set_up_goes_again(hosts: HostPool, products: Products, release: str) -> None:
    host = hosts.debian(release, binds={products.repository: "/repo"})
    before = host.paths()
    host.shell("sh /repo/install.sh --from /repo --dry-run hello")
    assert configured(host, before) == set()
    install = "sh /repo/install.sh --json --from /repo"
    first, again, gone = (
        json.loads(host.shell(f"{install} {words}").stdout)
        for words in ("hello", "hello", "--uninstall hello")
    )
    assert (first["changed"], first["version"][:7]) == (True, "1.0.0-1")
    assert (again["changed"], gone["changed"]) == (False, True)
    for directory in ("/etc/apt", "/usr/share/keyrings", "/opt", "/usr/bin"):
        assert not [path for path in host.paths() - before if path.startswith(directory)]
