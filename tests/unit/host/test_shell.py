"""Every shell text is POSIX: real shells read the examples and odd apps."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.host.integration import HostFiles

from .apps import example, integrated, recipe, write_scripts

READERS = {"dash": "dash -n", "bash": "bash --posix -n", "busybox": "busybox sh -n"}


def odd() -> HostFiles:
    """An app that uses everything at once, with hooks at all points."""
    told = "#!/bin/sh\ncat <<EOF\n$1\nEOF\nas_user true\nexit 0"
    plain = "cat <<EOF\nit's over\nEOF"
    wanted = recipe(
        "odd+app.2",
        web={"server": "gunicorn", "app": "shop:app", "listen": "[::1]:443"},
        services={"mail.queue": {"command": "worker --name 'a b' \"$HOME\""}},
        commands={"hello": "hello"},
        config={"/etc/odd/it's $here.toml": "x"},
        environment={"ODD": "it's $(here)", "ODD_CONFIG": "/etc/odd/it's $here.toml"},
        package={"user": "odd"},
        python={"version": "3.13", "lock": "pylock.toml", "additions": True},
    )
    hooks = {
        "pre-install": told,
        "post-configure": told,
        "pre-remove": plain,
        "purge": plain,
        "prepare": "hello init-db",
    }
    return integrated(wanted, hooks, {"/etc/odd/it's $here.toml": b"x"})


def bundle() -> HostFiles:
    """An app with servers of its own, which its hook needs."""
    tables = {"valkey": {"persistent": False}, "postgresql": {}, "memcached": {}}
    return integrated(recipe("my-app", bundle=tables), {"prepare": "worker --prepare"})


APPS = {
    "bundle": bundle,
    "hello": lambda: example("hello"),
    "httpbin": lambda: example("httpbin"),
    "odd": odd,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("app", APPS)
def test_reads(app: str, reader: str, tmp_path: Path) -> None:
    if shutil.which(reader) is None:
        pytest.skip(f"needs {reader}")
    paths = write_scripts(APPS[app](), tmp_path)
    program = f'for each; do {READERS[reader]} "$each" || exit; done'
    done = subprocess.run(
        ["/bin/sh", "-c", program, "sh", *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(VALUES)
def test_values_of_variables_arrive_as_they_are(tmp_path: Path, value: str) -> None:
    host = integrated(recipe(environment={"SHOP_VALUE": value}))
    path = tmp_path / "environment"
    path.write_bytes(host.files["/opt/shop/libexec/environment"].content)
    done = subprocess.run(
        ["/bin/sh", "-euc", 'root=/x; . "$0"; printf %s "$SHOP_VALUE"', str(path)],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode() == value


def test_what_the_operator_set_is_there_for_commands(tmp_path: Path) -> None:
    host = integrated(recipe(environment={"SHOP_MODE": "slow"}))
    text = host.files["/opt/shop/libexec/environment"].content.decode()
    operator = tmp_path / "environment"
    script = tmp_path / "script"
    script.write_text(text.replace("/etc/shop/environment", str(operator)))
    operator.write_text(
        "# A comment\n; another\n\n  SHOP_MODE=fast $(touch here)  \nURL='a b'\nQUOTED=\"c d\"\n"
        "MINE=theirs\nnot a setting\nBAD-NAME=x\nEMPTY=\nLAST=no newline"
    )
    names = ["SHOP_MODE", "URL", "QUOTED", "MINE", "EMPTY", "LAST"]
    values = "; ".join(f'printf "%s|" "${name}"' for name in names)

    def read(**variables: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-ec", f'root=/x; . "$0"; {values}', str(script)],
            env={"PATH": "/usr/bin:/bin", "MINE": "mine", **variables},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert read() == "fast $(touch here)|a b|c d|mine||no newline|"
    assert not (tmp_path / "here").exists()
    # Services were told by systemd, and what runs elsewhere has nothing to do with /etc.
    assert read(SHOP_STATE="/home/shop").startswith("slow|")


WORDS = st.lists(VALUES.filter(bool), max_size=4)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(WORDS)
def test_arguments_of_services_arrive_as_they_are(tmp_path: Path, words: list[str]) -> None:
    host = integrated(
        recipe(web=None, services={"work": {"command": shlex.join(["worker", *words])}})
    )
    root = tmp_path / "a root"
    for name in ("bin/shop-work", "libexec/environment"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(host.files[f"/opt/shop/{name}"].content)
    python = root / "bin" / "python3.13"
    python.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    python.chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", f"{root}/bin/shop-work", "more"], capture_output=True, check=True, env={}
    )
    *options, code, own = done.stdout.decode().split("\0")[:6]
    arguments = done.stdout.decode().split("\0")[6:-1]
    assert options == ["-I", "-B", "-u", "-c"]
    assert code.endswith("from shop.work import Worker; sys.exit(Worker.run())")
    assert own == f"{root}/bin/shop-work"
    assert arguments == [*words, "more"]


def test_a_moved_tree_starts_from_configuration_that_not_everybody_may_read(
    tmp_path: Path,
) -> None:
    said = {"/etc/shop/secret.ini": {"source": "x", "mode": "0640", "group": "shop"}}
    host = integrated(recipe(config=said), config=dict.fromkeys(said, b"secret"))
    root, state = tmp_path / "a root", tmp_path / "state"
    (root / "etc").mkdir(parents=True)
    (root / "bin").mkdir()
    command = root / "bin" / "true"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    runner = root / "bin" / "shop-run"
    # As a package has it: the file is on the host alone, or not there.
    elsewhere = tmp_path / "host.ini"
    text = host.files["/opt/shop/bin/shop-run"].content.decode()
    runner.write_text(text.replace("/etc/shop/secret.ini", str(elsewhere)))
    call = ["/bin/sh", str(runner), "--state", str(state), "true"]
    copy = state / "etc/secret.ini"

    failed = subprocess.run(call, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.endswith(f"shop-run: put a file of your own at {copy}\n")
    elsewhere.write_text("of the host")
    subprocess.run(call, check=True)
    assert copy.read_text() == "of the host"
    copy.unlink()
    # As a tarball has it.
    (root / "etc/secret.ini").write_text("of the tarball")
    (root / "etc/secret.ini").chmod(0o600)
    subprocess.run(call, check=True)
    subprocess.run(call, check=True)
    assert (copy.read_text(), copy.stat().st_mode & 0o777) == ("of the tarball", 0o600)
