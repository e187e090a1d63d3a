"""The runner and the launchers, with real gunicorn, nginx and shells, from a moved tree."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from omnibuild.host.integration import integrate
from omnibuild.host.programs import Installed
from omnibuild.host.servers.programs import ask_health
from omnibuild.recipe.models import Recipe

from .conftest import install

ATTEMPTS = 200
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def environment(**extra: str) -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent", **extra}


def fetch(url: str | urllib.request.Request) -> tuple[int, str]:
    """Return the answer, once there is one."""
    for _ in range(ATTEMPTS):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            if error.code != 502:
                return error.code, error.read().decode()
            # The proxy is there first.
            error.close()
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"nobody answers at {url}")


@contextmanager
def running(
    tree: Path, state: Path, port: int, shell: list[str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    command = [*shell, f"{tree}/bin/hello-run", "--state", str(state)]
    with (
        log.open("wb") as stream,
        subprocess.Popen(
            [*command, "--listen", f"127.0.0.1:{port}"],
            env=environment(TMPDIR=str(log.parent), PYTHONHOME="/nowhere", PYTHONPATH="/nowhere"),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("shell", SHELLS)
def test_serves_from_a_path_with_spaces(
    moved_tree: Callable[[str], Path], tmp_path: Path, shell: str
) -> None:
    tree = moved_tree("my home/it's $hello")
    state, port, log = tmp_path / "the state", free_port(), tmp_path / "log"
    with running(tree, state, port, SHELLS[shell], log) as process:
        status, page = fetch(f"http://127.0.0.1:{port}/")
        assert status == 200, log.read_text()
        assert "Hello from omnibuild" in page
        status, body = fetch(f"http://127.0.0.1:{port}/health")
        assert status == 200
        assert json.loads(body)["database"] == "ok"
        count = subprocess.run(
            [f"{tree}/bin/hello-run", "--state", str(state), "hello", "count"],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(count.stdout) == 1
        process.terminate()
        assert process.wait(30) == 0, log.read_text()
    # Nothing listens any more, sockets are gone, data stays.
    assert not list(tmp_path.glob("hello.*"))
    assert (state / "hello.db").is_file()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_serves_as_an_ordinary_user(moved_tree: Callable[[str], Path], tmp_path: Path) -> None:
    with TemporaryDirectory(dir="/tmp") as name:
        place, port, nobody = Path(name), free_port(), 65534
        place.chmod(0o755)
        shutil.copytree(moved_tree("tree"), place / "a tree", symlinks=True)
        (place / "home").mkdir()
        os.chown(place / "home", nobody, nobody)
        become = ["setpriv", f"--reuid={nobody}", f"--regid={nobody}", "--clear-groups"]
        with (
            (tmp_path / "log").open("wb") as log,
            subprocess.Popen(
                [*become, f"{place}/a tree/bin/hello-run", f"--listen=127.0.0.1:{port}"],
                env=environment(HOME=f"{place}/home"),
                stdout=log,
                stderr=log,
            ) as process,
        ):
            try:
                status, body = fetch(f"http://127.0.0.1:{port}/health")
            except AssertionError as error:
                raise AssertionError((tmp_path / "log").read_text()) from error
            finally:
                process.terminate()
        assert (status, json.loads(body)["database"]) == (200, "ok")
        assert (place / "home/.local/state/hello/hello.db").is_file()


@pytest.mark.parametrize("status", [200, 503, 302])
def test_health_is_what_the_app_answers(tmp_path: Path, status: int) -> None:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/well?now" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    def ask(url: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", "-B", ask_health.__file__, "shop", url, "0.1"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        url = f"http://127.0.0.1:{server.server_port}/well?now"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = ask(url)
        server.shutdown()
    assert told.returncode == (status != 200)
    assert told.stderr.startswith(f"shop: {url} answers {status} " if status != 200 else "")
    # Whoever stopped it knows.
    assert (ask(url).returncode, ask(url).stderr) == (3, "")


@pytest.mark.parametrize("victim", ["nginx", "gunicorn"])
def test_fails_when_a_process_dies(
    moved_tree: Callable[[str], Path], tmp_path: Path, victim: str
) -> None:
    tree, port, log = moved_tree("tree"), free_port(), tmp_path / "log"
    with running(tree, tmp_path / "state", port, ["dash"], log) as process:
        fetch(f"http://127.0.0.1:{port}/")
        (pid,) = [
            child
            for child in children(process.pid)
            if victim in Path(f"/proc/{child}/cmdline").read_text()
        ]
        os.kill(pid, signal.SIGKILL)
        assert process.wait(30) == 1
    assert "ended" in log.read_text()


def test_edited_configuration_survives_a_restart(
    moved_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    tree, state, port, log = moved_tree("tree"), tmp_path / "s", free_port(), tmp_path / "log"
    (state / "etc").mkdir(parents=True)
    (state / "etc" / "hello.toml").write_text('title = "Mine & yours"\n')
    with running(tree, state, port, ["dash"], log):
        assert "Mine &amp; yours" in fetch(f"http://127.0.0.1:{port}/")[1]


CLIENT = """\
import os

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{environ['REMOTE_ADDR']} {os.environ['OWN']}".encode()]
"""


def test_an_app_behind_the_proxy_is_told_its_client_whatever_gunicorn_is_told(
    moved_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    tree, port, log = moved_tree("tree"), free_port(), tmp_path / "log"
    (module,) = tree.glob("lib/python3.*/site-packages/hello/web.py")
    module.write_text(CLIENT)
    (tree / "gunicorn.conf.py").write_text('raw_env = ["OWN=settings"]\n')
    forged = {"X-Forwarded-For": "192.0.2.1"}
    with running(tree, tmp_path / "state", port, ["dash"], log):
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=forged)
        assert fetch(asked) == (200, "127.0.0.1 settings"), log.read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen"],
        ["--listen", "8080"],
        ["--listen", "0.0.0.0:80;x"],
        ["--listen="],
        ["--listen", "0.0.0.0:http"],
        ["--listen", "0.0.0.0:0"],
        ["--listen", "0.0.0.0:080"],
        ["--listen", "0.0.0.0:65536"],
        ["--listen", "0.0.0.0:184467440737095516161"],
        ["--nonsense"],
        ["../bin/hello"],
        ["nothing"],
        [""],
    ],
)
def test_refuses_wrong_arguments(
    moved_tree: Callable[[str], Path], tmp_path: Path, arguments: list[str]
) -> None:
    done = subprocess.run(
        [f"{moved_tree('tree')}/bin/hello-run", "--state", str(tmp_path / "s"), *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done
    assert "hello-run: " in done.stderr


def test_command_through_symlinks_of_all_kinds(
    moved_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    tree = moved_tree("a tree")
    (tmp_path / "-links").mkdir()
    (tmp_path / "absolute").symlink_to(tree / "bin" / "hello")
    (tmp_path / "-links" / "relative").symlink_to("../absolute")
    (tmp_path / "directory").symlink_to(tree / "bin")
    names = [
        f"{tmp_path}/absolute",
        "./-links/relative",
        "./directory/hello",
        "a tree/bin/hello",
    ]
    for name in names:
        for shell in SHELLS.values():
            done = subprocess.run(
                [*shell, name, "--version"],
                env=environment(PYTHONPATH="/nowhere", LD_LIBRARY_PATH="/nowhere"),
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.stdout == "hello 1.0.0\n", (name, shell, done)


def test_environment_probes_certificates_unless_told(
    moved_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    tree = moved_tree("tree")
    ask = f'root={tree}; . "$root/libexec/environment"; echo "${{SSL_CERT_FILE-unset}}"'

    def answer(**extra: str) -> str:
        done = subprocess.run(
            ["dash", "-euc", ask], env=environment(**extra), capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    assert answer(SSL_CERT_FILE="/mine") == "/mine"
    assert answer(SSL_CERT_DIR="/mine") == "unset"
    if Path("/etc/ssl/certs/ca-certificates.crt").exists():
        assert answer() == "/etc/ssl/certs/ca-certificates.crt"


SLOW_DATABASE = """\
#!/bin/sh
# Takes its time for a first start, and is deaf to INT until it has become the server.
if [ "${1:-}" = ready ]; then
    while kill -0 "$2" 2>/dev/null && [ ! -e "$SHOP_STATE/answers" ]; do sleep 0.1; done
    exit
fi
sleep 2
exec python3 -c '
import os, pathlib, signal, sys

state = pathlib.Path(os.environ["SHOP_STATE"])
def end(*_):
    (state / "ended in order").touch()
    sys.exit()
signal.signal(signal.SIGINT, end)
(state / "answers").touch()
while True:
    signal.pause()
'
"""


def test_what_is_told_to_stop_while_its_database_starts_does_so(tmp_path: Path) -> None:
    app = {"name": "shop", "version": "1", "summary": "The shop", "license": "MIT"}
    app["maintainer"] = "Shop <shop@example.com>"
    tables = {"app": app, "bundle": {"postgresql": {}}}
    recipe = msgspec.convert(tables, Recipe)
    programs = Installed({}, set(), {"lib/postgresql-18/bin/psql"})
    install(integrate(recipe, {}, {}, programs), tmp_path)
    (tmp_path / "opt/shop/bin/shop-postgresql").write_text(SLOW_DATABASE)
    state = tmp_path / "state"
    runner = subprocess.Popen([tmp_path / "opt/shop/bin/shop-run", "--state", state])
    try:
        time.sleep(1)
        runner.terminate()
        assert runner.wait(timeout=30) == 0
    finally:
        runner.kill()
    assert (state / "ended in order").exists()
    assert not (state / "run").is_symlink()


CACHE = """\
#!/usr/bin/env python3
import os, signal, socket, sys

path = sys.argv[sys.argv.index("-s") + 1]
state = os.environ["SHOP_STATE"]
def end(*_):
    os.unlink(path)
    os.rename(f"{state}/work", f"{state}/both ended in order")
    sys.exit()
signal.signal(signal.SIGTERM, end)
listening = socket.socket(socket.AF_UNIX)
listening.bind(path)
while True:
    signal.pause()
"""
SLOW_WORK = """\
#!/bin/sh
trap 'echo stopped >"$SHOP_STATE/work"; exit 9' TERM
read -r word
echo "$word" >"$SHOP_STATE/word"
while :; do sleep 0.1; done
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_beside_its_server_is_told_to_stop(tmp_path: Path, shell: str) -> None:
    app = {"name": "shop", "version": "1", "summary": "The shop", "license": "MIT"}
    app["maintainer"] = "Shop <shop@example.com>"
    tables = {"app": app, "bundle": {"memcached": {}}, "commands": {"work": "libexec/work"}}
    recipe = msgspec.convert(tables, Recipe)
    installed = Installed({}, set(), {"bin/memcached", "libexec/work"})
    install(integrate(recipe, {}, {}, installed), tmp_path)
    for name, text in (("bin/memcached", CACHE), ("libexec/work", SLOW_WORK)):
        program = tmp_path / "opt/shop" / name
        program.write_text(text)
        program.chmod(0o755)
    state = tmp_path / "state"
    words = [*SHELLS[shell], f"{tmp_path}/opt/shop/bin/shop-run", f"--state={state}", "work"]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, env=environment(TMPDIR=str(tmp_path))
    ) as runner:
        assert runner.stdin
        runner.stdin.write(b"its own input\n")
        runner.stdin.flush()
        for _ in range(ATTEMPTS):
            if (state / "word").exists():
                break
            time.sleep(0.05)
        assert (state / "word").read_text() == "its own input\n"
        runner.terminate()
        assert runner.wait(timeout=60) == 9
    assert (state / "both ended in order").read_text() == "stopped\n"


JOBS = {
    "app": {
        "name": "jobs",
        "version": "1",
        "summary": "Jobs",
        "license": "MIT",
        "maintainer": "J <j@example.com>",
    },
    "services": {"worker": {"command": "libexec/work"}},
    "timers": {"nightly": {"command": "libexec/work", "calendar": "daily"}},
    "commands": {"job": "libexec/work"},
}
WORK = """\
#!/bin/sh
echo "work: $(cat "$JOBS_STATE/done")"
[ "${1:-}" != fail ] || exit 7
"""
HOOKS = {
    "prepare": 'echo "prepared"; echo x >>"$JOBS_STATE/prepared"\n',
    "migrate": 'echo "from ${JOBS_MIGRATED_FROM:-nothing}" >>"$JOBS_STATE/done"\n',
}


def jobs(tree: Path, version: str = "1") -> None:
    tables = JOBS | {"app": JOBS["app"] | {"version": version}}
    recipe = msgspec.convert(tables, Recipe)
    shutil.rmtree(tree / "usr", ignore_errors=True)
    install(integrate(recipe, HOOKS, {}, Installed({}, set(), {"libexec/work"})), tree)
    work = tree / "opt/jobs/libexec/work"
    work.write_text(WORK)
    work.chmod(0o755)


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_and_timers_find_a_state_that_their_version_prepared(
    tmp_path: Path, shell: str
) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        program = [*SHELLS[shell], f"{tmp_path}/opt/jobs/bin/jobs-run", f"--state={state}"]
        return subprocess.run(
            [*program, *words],
            env=environment(TMPDIR=str(tmp_path)),
            capture_output=True,
            text=True,
            check=False,
        )

    state = tmp_path / "the state"
    jobs(tmp_path)
    first = run("job")
    # What the command prints is its own.
    assert (first.stdout, first.stderr) == ("work: from nothing\n", "prepared\n")
    again = run("nightly")
    assert (again.stdout, again.stderr) == ("work: from nothing\n", "")
    assert run("job", "fail").returncode == 7
    jobs(tmp_path, "2")
    assert run("nightly").stdout == "work: from nothing\nfrom 1-1\n"
    assert (state / "prepared").read_text() == "x\n" * 2
    # Services are prepared each time; one alone does not ask for timers.
    service = run("worker")
    assert "timers need systemd" not in service.stderr
    assert (state / "prepared").read_text() == "x\n" * 3
    assert "timers need systemd" in run().stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")
def test_what_another_user_made_is_told_as_such(
    moved_tree: Callable[[str], Path], tmp_path: Path
) -> None:
    with TemporaryDirectory(dir="/tmp") as name:
        place = Path(name)
        place.chmod(0o755)
        shutil.copytree(moved_tree("tree"), place / "tree", symlinks=True)
        state = place / "state"
        state.mkdir()
        state.chmod(0o775)

        def run(user: int, *words: str) -> subprocess.CompletedProcess[str]:
            become = ["setpriv", f"--reuid={user}", "--regid=0", "--clear-groups"]
            return subprocess.run(
                [*become, f"{place}/tree/bin/hello-run", f"--state={state}", *words],
                env=environment(),
                capture_output=True,
                text=True,
                check=False,
            )

        assert run(23456, "hello", "count").stderr == ""
        told = run(4711, "hello", "count").stderr
        assert f"user 4711 may not write {state}/" in told
        assert "which is user 23456's: run it as that user, or give" in told
        root_s = run(4711, "--listen", "127.0.0.1:1")
        assert root_s.returncode == 1
        assert "user 4711 may not answer at port 1: choose one from 1024 on" in root_s.stderr


def test_secrets_are_made_once_and_instances_know_their_number(tmp_path: Path) -> None:
    recipe = msgspec.convert(
        {
            "app": {
                "name": "queue",
                "version": "1",
                "summary": "A queue",
                "license": "MIT",
                "maintainer": "Q <q@example.com>",
            },
            "python": {"version": "3.13"},
            "services": {"worker": {"command": "libexec/work", "instances": 2}},
            "secrets": {"key": {"bytes": 16}},
        },
        Recipe,
    )
    work = tmp_path / "tree/libexec/work"
    work.parent.mkdir(parents=True)
    work.write_text(
        '#!/bin/sh\necho "$QUEUE_INSTANCE $(cat "$QUEUE_SECRETS/key")"\nexec sleep 60\n'
    )
    work.chmod(0o755)
    host = integrate(recipe, {}, {}, Installed({}, set(), {"libexec/work"}))
    for path, file in host.files.items():
        if path.startswith("/opt/queue/"):
            target = tmp_path / "tree" / path.removeprefix("/opt/queue/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.content)
            target.chmod(file.mode)
    command = [f"{tmp_path}/tree/bin/queue-run", "--state", f"{tmp_path}/state", "worker"]
    told: list[list[str]] = []
    for _ in range(2):
        with subprocess.Popen(
            command, env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            told.append(sorted(process.stdout.readline().strip() for _ in range(2)))
            process.terminate()
            assert process.wait(30) == 0
    key = (tmp_path / "state/secrets/key").read_text()
    assert len(key) == 32
    assert told == [[f"1 {key}", f"2 {key}"]] * 2
    assert (tmp_path / "state/secrets/key").stat().st_mode & 0o777 == 0o600
