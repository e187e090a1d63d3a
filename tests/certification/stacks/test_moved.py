"""A tree that was moved anywhere runs for anybody, on every Debian: what issue users try with it.

One host for each Debian; each test places the tree anew, by hard links.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.hosts import Authority, ChrootHost, HostPool, eventually, serve
from tests.acceptance.products import Products
from tests.acceptance.steps import MODULES, running, visit
from tests.certification.stacks.additions import make_packages

UNPACKED = "/srv/unpacked/hello-1.0.0"
PYTHON = "bin/python3.13"
WEB = "http://127.0.0.1:9090"
LISTEN = ("--listen", "127.0.0.1:9090")
READY = f"{WEB}/health"

LONG = "/".join(["/srv", "d" * 120, "e" * 120, "f" * 60])
PREFIXES = [
    pytest.param("/a", id="one-letter"),
    pytest.param(LONG, id="300-bytes"),
    pytest.param("/srv/with space/é 漢字 ∂", id="beyond-ascii"),
    pytest.param("/srv/q'uote\"s", id="quotes"),
    pytest.param("/srv/do$llar`tick`\\back", id="shell"),
    pytest.param("/srv/new\nline/hello", id="newline"),
    pytest.param("/srv/semi;amp&star*{brace}#hash%", id="signs"),
    pytest.param("/srv/-dash", id="dash"),
]

# What a caller's own Python, loader and shell were told must reach nothing of the app.
HOSTILE = {
    "LD_LIBRARY_PATH": "/srv/evil",
    "LD_PRELOAD": "/srv/evil/libssl.so.3",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/srv/evil",
    "PYTHONPLATLIBDIR": "lib64",
    "PYTHONEXECUTABLE": "/bin/sh",
    "__PYVENV_LAUNCHER__": "/bin/sh",
    "PYTHONSAFEPATH": "",
    "PYTHONSTARTUP": "/srv/evil/ssl.py",
    "PYTHONUSERBASE": "/srv/evil",
    "PYTHONPYCACHEPREFIX": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PYTHONIOENCODING": "utf-16",
    "PYTHONINSPECT": "1",
    "OPENSSL_CONF": "/nowhere",
    "OPENSSL_MODULES": "/nowhere",
    "TERMINFO": "/nowhere",
    "CDPATH": "/:/srv",
    "IFS": "x/",
    "ENV": "/nowhere",
    "LC_ALL": "xx_XX.UTF-8",
}

WHERE = "import sys; print(sys.prefix)"
OWN = f"""
import {", ".join(MODULES)}, os, sys
ssl.create_default_context()
curses.setupterm("xterm-256color", 1)
# The kernel writes line feeds of names as octal numbers.
mapped = [
    line.rstrip("\\n").split(None, 5)[-1].replace("\\\\012", "\\n")
    for line in open("/proc/self/maps")
]
own = [path for path in set(mapped) if "/libsqlite3" in path or "/libcrypto" in path]
assert len(own) == 2 and all(os.path.dirname(path) == sys.prefix + "/lib" for path in own), own
"""


@pytest.fixture(scope="module", params=["bullseye", "bookworm", "trixie"])
def host(
    request: pytest.FixtureRequest,
    module_hosts: HostPool,
    products: Products,
    tmp_path_factory: pytest.TempPathFactory,
) -> ChrootHost:
    packages = make_packages(tmp_path_factory.mktemp("packages"))
    there = module_hosts.debian(
        request.param,
        packages=("gcc", "libc6-dev", "zstd"),
        binds={products.hello_whole: "/downloads", packages: "/packages"},
    )
    there.shell(
        "mkdir -p /srv/unpacked; cd /srv/unpacked;"
        " tar -xf /downloads/hello-1.0.0-linux-x86_64.tar.zst"
    )
    there.add_user("alice", "/home/alice")
    return there


def place(host: ChrootHost, prefix: str) -> str:
    """Put the tree to where nobody else is."""
    script = 'rm -rf -- "$1"; mkdir -p -- "$(dirname -- "$1")"; cp -al -- "$0" "$1"'
    host.run("sh", "-euc", script, UNPACKED, prefix)
    return prefix


@pytest.mark.parametrize("prefix", PREFIXES)
def test_any_prefix(host: ChrootHost, prefix: str) -> None:
    tree = place(host, prefix)
    assert host.run(f"{tree}/bin/hello", "--version").stdout == "hello 1.0.0\n"
    assert host.run(f"{tree}/{PYTHON}", "-I", "-c", WHERE).stdout == f"{tree}\n"
    host.run(f"{tree}/{PYTHON}", "-I", "-c", OWN)
    host.run(f"{tree}/bin/openssl", "version", "-d", check=True)
    with running(host, f"{tree}/bin/hello-run", "--state", f"{tree}-state", *LISTEN, ready=READY):
        assert visit(host, WEB).server == "nginx"
    # Lines of pyvenv.cfg name the interpreter.
    if "\n" not in tree:
        host.run(f"{tree}/{PYTHON}", "-m", "venv", "--without-pip", f"{tree}-venv")
        prefix = host.run(f"{tree}-venv/bin/python", "-c", WHERE).stdout
        assert prefix == f"{tree}-venv\n"
    host.run("rm", "-rf", "--", tree, f"{tree}-state", f"{tree}-venv")


def test_a_colon_is_refused_where_path_cannot_hold_it(host: ChrootHost) -> None:
    tree = place(host, "/srv/co:lon")
    assert host.run(f"{tree}/bin/hello", "--version").stdout == "hello 1.0.0\n"
    done = host.run(f"{tree}/bin/hello-run", "--state", "/srv/state", *LISTEN, check=False)
    assert done.status == 1
    assert done.stderr.startswith(f"hello: {tree} has a colon")


# Files that name the directory they were placed for, and why that hurts nobody elsewhere.
NAMED = {
    "bin/hello-run": "puts its own place where copied configuration names this one",
    "bin/python3.13": "asked only where nothing is found around the program",
    "lib/libcrypto.so.3": "beside the library comes first; there are no engines and modules",
    "lib/libncursesw.so.6.5": "terminals are the host's where the bundled ones are not found",
    "lib/libuuid.so.1.3.0": "a clock that only uuidd would keep",
    "sbin/nginx": "its launcher passes -p, -c and -e",
}


def test_nothing_else_names_the_directory_it_was_placed_for(host: ChrootHost) -> None:
    script = 'cd "$0"; grep -rlF /opt/hello . | sort'
    found = host.run("sh", "-euc", script, UNPACKED).stdout.split()
    assert found == [f"./{path}" for path in NAMED]


def test_openssl_has_its_directory_beside_it(host: ChrootHost) -> None:
    tree = place(host, "/srv/other place")
    said = host.run(f"{tree}/bin/openssl", "version", "-d").stdout
    assert said == f'OPENSSLDIR: "{tree}/ssl"\n'
    # It finds its configuration: without one there would be no names to ask for.
    host.shell(
        f"'{tree}/bin/openssl' req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout /tmp/key"
        " -out /tmp/certificate"
    )


@dataclass(frozen=True)
class User:
    """Somebody who runs the tree; ``become`` stands before the command."""

    name: str
    become: tuple[str, ...] = ()


ROOT = User("root")
NOBODY = User("nobody", ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"))
UNKNOWN = User("unknown", ("setpriv", "--reuid=424242", "--regid=424242", "--clear-groups"))


@pytest.mark.parametrize("user", [ROOT, NOBODY, UNKNOWN], ids=lambda user: user.name)
@pytest.mark.parametrize("home", [None, "/nonexistent", "/proc"], ids=["unset", "missing", "proc"])
def test_any_user(host: ChrootHost, user: User, home: str | None) -> None:
    tree = place(host, "/srv/for all")
    environment = ["env", "-u", "HOME"] if home is None else ["env", f"HOME={home}"]
    as_user = (*user.become, *environment)
    said = host.run(*as_user, f"{tree}/bin/hello", "--version", directory="/tmp")
    assert (said.stdout, said.stderr) == ("hello 1.0.0\n", "")
    host.run(*as_user, f"{tree}/{PYTHON}", "-c", OWN, directory="/tmp")
    # Without a place for its state it says which word gives one.
    told = {None: "--state DIR is needed without HOME", "/proc": "/proc/.local"}
    if home in told:
        nowhere = host.run(*as_user, f"{tree}/bin/hello-run", *LISTEN, check=False)
        assert nowhere.status != 0
        assert told[home] in nowhere.stderr
    state = f"/tmp/state-{user.name}"
    command = (*as_user, f"{tree}/bin/hello-run", "--state", state, *LISTEN)
    with running(host, *command, ready=READY):
        assert visit(host, WEB).server == "nginx"
    host.run("rm", "-rf", state)


def test_a_narrow_umask_unpacks_and_runs(host: ChrootHost) -> None:
    script = """
    umask 077
    rm -rf ~/mine; mkdir ~/mine; cd ~/mine
    tar -xf /downloads/hello-1.0.0-linux-x86_64.tar.zst
    hello-1.0.0/bin/hello --version
    """
    assert host.shell(script, user="alice").stdout == "hello 1.0.0\n"
    runner = "/home/alice/mine/hello-1.0.0/bin/hello-run"
    with running(
        host, "sh", "-c", f'umask 077; exec {runner} "$@"', "", *LISTEN, user="alice", ready=READY
    ):
        assert visit(host, WEB).server == "nginx"


def test_nothing_of_the_callers_environment_is_trusted(host: ChrootHost) -> None:
    tree = place(host, "/srv/tree")
    host.shell(
        """
        mkdir -p /srv/evil; cd /srv/evil
        echo 'int x;' >x.c
        for name in ssl.so.3 crypto.so.3 python3.13.so.1.0 z.so.1; do
            gcc -shared -fPIC -o lib$name x.c
        done
        for name in ssl hello sitecustomize usercustomize encodings; do
            echo 'raise SystemExit("evil")' >$name.py
        done
        """
    )
    command = host.run(f"{tree}/bin/hello", "--version", environment=HOSTILE)
    assert command.stdout == "hello 1.0.0\n"
    state = "/tmp/state-hostile"
    with running(
        host,
        *("env", *(f"{name}={value}" for name, value in HOSTILE.items())),
        *(f"{tree}/bin/hello-run", "--state", state, *LISTEN),
        ready=READY,
    ):
        assert visit(host, WEB).server == "nginx"
        maps = host.shell("cat /proc/[0-9]*/maps 2>/dev/null || :").stdout
        assert f"{tree}/lib/libssl.so.3" in maps
        # The evil one is in the shells that launched it, before they could forget it.
        assert "/srv/evil/libcrypto" not in maps
    host.run("rm", "-rf", state)


def test_programs_of_the_host_get_the_hosts_libraries(host: ChrootHost) -> None:
    tree = place(host, "/srv/tree")
    own = f"{tree}/lib/python3.13/site-packages/hello"
    host.run("rm", "-r", f"{own}/cli.py", f"{own}/__pycache__")
    host.write(
        f"{own}/cli.py",
        "import os, ssl, subprocess\n"
        "def main():\n"
        "    print(sorted(n for n in os.environ if n.startswith(('LD_', 'PYTHON'))), flush=True)\n"
        "    subprocess.run(['cat', '/proc/self/maps'], check=True)\n",
    )
    said = host.run(f"{tree}/bin/hello", environment=HOSTILE | {"LC_ALL": "C"}).stdout
    first, _, maps = said.partition("\n")
    ours = ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "LD_LIBRARY_PATH", "LD_PRELOAD")
    assert not [name for name in ours if name in first]
    assert "/cat" in maps
    assert not [line for line in maps.splitlines() if "/srv/" in line]


def test_symlinks_lead_to_it(host: ChrootHost) -> None:
    tree = place(host, "/srv/real/tree")
    host.shell(
        f"""
        cd /srv
        ln -sfn real 'link to'
        ln -sfn '/srv/link to/tree/bin/hello' /usr/local/bin/greet
        ln -sfn greet /usr/local/bin/greet-again
        ln -sfn ../../../srv/real/tree/{PYTHON} /usr/local/bin/snake
        ln -sfn {tree}/bin/hello-run /usr/local/bin/run-it
        """
    )
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    for name in ("greet", "greet-again", "/srv/link to/tree/bin/hello"):
        assert host.run(name, "--version", environment=path).stdout == "hello 1.0.0\n"
    assert host.run("snake", "-c", WHERE, environment=path).stdout == f"{tree}\n"
    host.run("snake", "-c", OWN, environment=path)
    # The kernel leads a program through symlinks; its prefix is what was called.
    link = "/srv/link to/tree"
    assert host.run(f"{link}/{PYTHON}", "-c", WHERE).stdout == f"{link}\n"
    with running(host, "/usr/local/bin/run-it", "--state", "/tmp/state", *LISTEN, ready=READY):
        assert visit(host, WEB).server == "nginx"


# The app imports it last of all.
SQLITE = "lib/libsqlite3.so.0"


def loaded(host: ChrootHost, path: str) -> int:
    """Return how many processes have loaded a library."""
    return int(host.shell(f"grep -ls {path} /proc/[0-9]*/maps | wc -l").stdout)


def rests(host: ChrootHost, tree: str) -> bool:
    """Tell whether the programs of a tree take no processor time for a second."""
    script = f"""
    taken() {{
        for one in /proc/[0-9]*; do
            case $(readlink $one/exe) in
            {tree}/*) sed 's/.*) //' $one/stat | cut -d' ' -f12,13 ;;
            esac
        done
    }}
    before=$(taken); sleep 1; [ "$before" = "$(taken)" ]
    """
    return host.shell(script, check=False).status == 0


def test_a_running_tree_is_moved(host: ChrootHost) -> None:
    tree = place(host, "/srv/before")
    runner = ("bin/hello-run", "--state", "/tmp/state-moved", *LISTEN)
    with running(host, f"{tree}/{runner[0]}", *runner[1:], ready=READY):
        first = visit(host, WEB).visits
        # What a program loads only while it starts, it looks for where it was started.
        eventually(lambda: loaded(host, f"{tree}/{SQLITE}") == 2, "both workers have the app")
        eventually(lambda: rests(host, tree), "nothing starts any more")
        host.shell(f"rm -rf /srv/after; mv {tree} /srv/after")
        assert visit(host, WEB).visits == first + 1
    with running(host, f"/srv/after/{runner[0]}", *runner[1:], ready=READY):
        assert visit(host, WEB).visits == first + 2
        maps = host.shell("cat /proc/[0-9]*/maps 2>/dev/null || :").stdout
        assert "/srv/after/lib/libcrypto" in maps
        assert "/srv/before" not in maps


def test_a_read_only_tree_and_a_temporary_directory_without_programs(host: ChrootHost) -> None:
    tree = place(host, "/srv/sealed")
    before = host.shell(f"cd {tree}; find . | sort").stdout
    host.shell(
        f"""
        mount --bind {tree} {tree}
        mount -o remount,bind,ro {tree}
        mkdir -p /srv/noexec
        mount -t tmpfs -o noexec,nosuid tmpfs /srv/noexec
        """
    )
    try:
        assert host.run("touch", f"{tree}/x", check=False).status
        environment = ("env", "TMPDIR=/srv/noexec", "HOME=/srv/noexec")
        assert host.run(*environment, f"{tree}/bin/hello", "--version").stdout == "hello 1.0.0\n"
        host.run(*environment, f"{tree}/{PYTHON}", "-c", OWN)
        # libffi writes no file to make a function that C calls.
        callback = (
            "import ctypes; f = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1);"
            " assert f(1) == 2"
        )
        host.run(*environment, f"{tree}/{PYTHON}", "-c", callback)
        with running(host, *environment, f"{tree}/bin/hello-run", *LISTEN, ready=READY):
            assert visit(host, WEB).server == "nginx"
    finally:
        host.shell(f"umount /srv/noexec; umount {tree}")
    assert host.shell(f"cd {tree}; find . | sort").stdout == before


@pytest.mark.parametrize("locale", ["C", "POSIX", "C.UTF-8", "xx_XX.UTF-8", "de_DE.ISO-8859-1", ""])
def test_any_locale(host: ChrootHost, locale: str) -> None:
    tree = place(host, "/srv/Ünïcödé")
    environment = {"LC_ALL": locale, "LANG": locale}
    called = host.run(f"{tree}/bin/hello", "--version", environment=environment)
    assert (called.stdout, called.stderr) == ("hello 1.0.0\n", "")
    code = (
        "import curses, locale, readline, socket, sys\n"
        "assert sys.getfilesystemencoding() == 'utf-8'\n"
        "assert sys.prefix.endswith('Ünïcödé'), ascii(sys.prefix)\n"
        "assert 'é'.encode('idna') and socket.getaddrinfo('localhost', 80)\n"
    )
    host.run(f"{tree}/{PYTHON}", "-c", code, environment=environment)


# Where the families of distributions keep what they trust.
BUNDLES = {
    "debian": "/etc/ssl/certs/ca-certificates.crt",
    "el": "/etc/pki/tls/certs/ca-bundle.crt",
    "fedora": "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "suse": "/etc/ssl/ca-bundle.pem",
    "suse-without-link": "/var/lib/ca-certificates/ca-bundle.pem",
    "alpine": "/etc/ssl/cert.pem",
}
# Who asks OpenSSL for the defaults, each in its own way.
CLIENTS = {
    "python": (
        f"'$tree/{PYTHON}' -I -c 'import urllib.request;"
        ' print(urllib.request.urlopen("$url").status)\''
    ),
    "openssl": "'$tree/bin/openssl' s_client -verify_return_error -connect localhost:8443",
    "c": "/srv/client localhost:8443",
}
# Headers stay with who compiles us.
C_CLIENT = """
void *TLS_client_method(void);
void *SSL_CTX_new(void *);
void SSL_CTX_set_verify(void *, int, void *);
int SSL_CTX_set_default_verify_paths(void *);
void *BIO_new_ssl_connect(void *);
long BIO_ctrl(void *, int, long, void *);
enum { VERIFY_PEER = 1, SET_CONNECT = 100, DO_STATE_MACHINE = 101 };
int main(int count, char **words) {
    void *context = SSL_CTX_new(TLS_client_method()), *connection;
    SSL_CTX_set_verify(context, VERIFY_PEER, 0);
    if (!SSL_CTX_set_default_verify_paths(context)) return 3;
    connection = BIO_new_ssl_connect(context);
    BIO_ctrl(connection, SET_CONNECT, 0, words[1]);
    return BIO_ctrl(connection, DO_STATE_MACHINE, 0, 0) != 1;
}
"""


def trusts(host: ChrootHost, tree: str, client: str, **environment: str) -> bool:
    command = CLIENTS[client].replace("$tree", tree).replace("$url", "https://localhost:8443/")
    done = host.run("sh", "-c", command, environment=environment, check=False)
    assert done.status == 0 or "verif" in done.output or client == "c", done.output
    return done.status == 0


def compile_client(host: ChrootHost, tree: str) -> None:
    """Compile a program that knows nothing but OpenSSL, as libpq and curl do."""
    host.write("/srv/client.c", C_CLIENT)
    host.run(
        *("gcc", "/srv/client.c", "-o", "/srv/client"),
        *(f"{tree}/lib/libssl.so.3", f"{tree}/lib/libcrypto.so.3", f"-Wl,-rpath,{tree}/lib"),
    )


def test_every_client_trusts_what_the_host_trusts(
    host: ChrootHost, authority: Authority, tmp_path: Path
) -> None:
    tree = place(host, "/srv/tls tree")
    compile_client(host, tree)
    certificate = authority.certificate.read_bytes()
    host.write("/srv/own.pem", certificate)
    with serve(host, tmp_path, port=8443, certificate=authority.issue()):
        for client in CLIENTS:
            assert not trusts(host, tree, client), client
            assert trusts(host, tree, client, SSL_CERT_FILE="/srv/own.pem"), client
        for family, bundle in BUNDLES.items():
            host.write(bundle, certificate)
            for client in CLIENTS:
                assert trusts(host, tree, client), (family, client)
                # Whoever says what to trust is obeyed.
                assert not trusts(host, tree, client, SSL_CERT_FILE="/nowhere"), (family, client)
                assert not trusts(host, tree, client, SSL_CERT_DIR="/nowhere"), (family, client)
            host.run("rm", bundle)
        # A directory of hashes, without a bundle.
        host.shell(
            f"mkdir -p /etc/ssl/certs; cp /srv/own.pem /etc/ssl/certs/$("
            f"'{tree}/bin/openssl' x509 -hash -noout -in /srv/own.pem).0"
        )
        for client in CLIENTS:
            assert trusts(host, tree, client), client
        host.shell("rm /etc/ssl/certs/*.0")


def test_what_pip_compiles_in_a_virtual_environment(host: ChrootHost) -> None:
    tree = place(host, "/srv/tree with space")
    host.run(f"{tree}/{PYTHON}", "-m", "venv", "/srv/my venv")
    venv = "/srv/my venv/bin"
    host.run(
        *(f"{venv}/pip", "install", "--no-index", "--find-links=/packages"),
        "/packages/speedy-1.0.tar.gz",
    )
    code = "import speedy, sys; assert speedy.twice(21) == 42; print(sys.prefix)"
    assert host.run(f"{venv}/python", "-c", code).stdout == "/srv/my venv\n"
    # setuptools' own way, without isolation, as older projects are built.
    host.run(f"{venv}/pip", "install", "--no-index", "--find-links=/packages", "setuptools")
    host.shell("rm -rf /srv/src; mkdir /srv/src; tar -C /srv/src -xf /packages/speedy-1.0.tar.gz")
    host.write("/srv/src/speedy-1.0/setup.py", "from setuptools import setup\nsetup()\n")
    host.run(
        *(f"{venv}/python", "setup.py", "build_ext", "--inplace"), directory="/srv/src/speedy-1.0"
    )
    host.run(f"{venv}/python", "-c", "import speedy", directory="/srv/src/speedy-1.0")
    host.run("rm", "-rf", "/srv/my venv")


def test_libraries_of_the_tree_are_found_before_those_of_the_host(host: ChrootHost) -> None:
    tree = place(host, "/srv/tree")
    code = (
        "import ctypes, ctypes.util\n"
        "for name in ('ssl', 'crypto', 'z', 'ffi', 'sqlite3', 'c', 'm', 'nothing'):\n"
        "    found = ctypes.util.find_library(name)\n"
        "    found and ctypes.CDLL(found)\n"
        "    print(name, found)\n"
    )
    said = host.run(f"{tree}/{PYTHON}", "-c", code).stdout.splitlines()
    assert dict(line.split() for line in said) == {
        "ssl": f"{tree}/lib/libssl.so.3",
        "crypto": f"{tree}/lib/libcrypto.so.3",
        "z": f"{tree}/lib/libz.so.1",
        "ffi": f"{tree}/lib/libffi.so.8",
        "sqlite3": f"{tree}/lib/libsqlite3.so.0",
        "c": "libc.so.6",
        "m": "libm.so.6",
        "nothing": "None",
    }


def test_glibc_is_the_hosts(host: ChrootHost) -> None:
    """Character sets, names, locales and zones come from the host, as far as it has them."""
    tree = place(host, "/srv/tree")
    code = """
import ctypes, locale, os, pwd, socket, time, zoneinfo
libc = ctypes.CDLL("libc.so.6")
libc.iconv_open.restype = ctypes.c_void_p
assert libc.iconv_open(b"UTF-16", b"ISO-8859-15") != ctypes.c_void_p(-1).value
assert pwd.getpwnam("alice").pw_dir == "/home/alice"
assert socket.getaddrinfo("localhost", 80)
assert locale.setlocale(locale.LC_ALL, "C.UTF-8")
try:
    print(zoneinfo.ZoneInfo("Europe/Berlin"))
except zoneinfo.ZoneInfoNotFoundError as error:
    print("none")
"""
    zones = host.exists("/usr/share/zoneinfo/Europe/Berlin")
    said = host.run(f"{tree}/{PYTHON}", "-c", code).stdout.strip()
    assert said == ("Europe/Berlin" if zones else "none")


# Plugins of a host for its glibc; some have libraries of their own: libdb, libpq, and libffi below.
PLUGINS = ("libnss-db", "libnss-extrausers", "libnss-pgsql2", "libnss-sss")
NAMES = "passwd: files extrausers sss db pgsql\ngroup: files extrausers sss db pgsql\n"
LOOK_UP = """
{first}
import pwd
assert pwd.getpwnam("bob").pw_uid == 4711
try:
    pwd.getpwnam("nobody-at-all")
except KeyError:
    pass
mapped = {{line.rstrip("\\n").split(None, 5)[-1] for line in open("/proc/self/maps")}}
for path in sorted(path for path in mapped if ".so" in path):
    print(path)
"""


def test_name_service_plugins_of_the_host_load_their_own_libraries(
    hosts: HostPool, products: Products
) -> None:
    host = hosts.debian(
        "bookworm", packages=(*PLUGINS, "zstd"), binds={products.hello_whole: "/downloads"}
    )
    host.shell("cd /srv; tar -xf /downloads/hello-1.0.0-linux-x86_64.tar.zst; mv hello-1.0.0 tree")
    host.write("/etc/nsswitch.conf", NAMES)
    host.write("/var/lib/extrausers/passwd", "bob:x:4711:4711::/home/bob:/bin/sh\n")
    for first, brings_openssl in (("import ssl", True), ("", False)):
        code = LOOK_UP.format(first=first)
        loaded = host.run(f"/srv/tree/{PYTHON}", "-c", code).stdout.splitlines()
        for name in ("libnss_extrausers", "libnss_sss", "libnss_db", "libnss_pgsql"):
            assert any(f"/{name}" in path for path in loaded), (name, loaded)
        for name in ("libdb-5.3", "libffi", "libgnutls", "libpq"):
            found = {path for path in loaded if f"/{name}." in path}
            assert all(path.startswith(("/usr/lib/", "/lib/")) for path in found), found
            assert found, (name, loaded)
        # One library of a name for each process: who came first has it (decision 53).
        crypto = {path for path in loaded if "/libcrypto.so.3" in path}
        assert crypto, loaded
        assert all(path.startswith("/srv/tree/") for path in crypto) == brings_openssl
