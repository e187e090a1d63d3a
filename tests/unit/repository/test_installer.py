"""The text of install.sh: every shell can parse it, and a part of it does nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from omnibuild.repository.clients.installer import Keys, installer
from omnibuild.repository.clients.systems import HostSystem
from omnibuild.repository.clients.updater import program
from tests.unit.repository.samples import assert_golden

SHELLS = (["dash"], ["bash", "--posix"], ["busybox", "sh"])
SYSTEMS = [
    HostSystem("debian-12", "Debian 12", "amd64", "", "2.36"),
    HostSystem("debian-11", "Debian 11", "amd64", "-deb11", "2.31"),
    HostSystem("el9", "Enterprise Linux 9", "x86_64", "el9", "2.34"),
    HostSystem("linux", "Linux with glibc", "x86_64", "downloads", "2.31"),
]


FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nMDEy\n-----END PGP PUBLIC KEY BLOCK-----\n"


def script(title: str = "Shop packages", base_url: str = "https://shop.example/repo") -> str:
    return installer(
        name="shop-packages-1a2b3c4d",
        former_names=["shop-packages"],
        title=title,
        keys=Keys(FINGERPRINT, (FINGERPRINT,), KEY, KEY, 1),
        base_url=base_url,
        channel="stable",
        components=["main"],
        systems=SYSTEMS,
    )


def run(shell: list[str], text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*shell, "-s", "--", *arguments]
    return subprocess.run(
        command, input=text, capture_output=True, text=True, check=False, env={"PATH": "/bin"}
    )


def test_golden() -> None:
    assert_golden("install.sh", script())


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_shells_parse_it(shell: list[str], tmp_path: Path) -> None:
    path = tmp_path / "install.sh"
    path.write_text(script())
    done = subprocess.run([*shell, "-n", path], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("shell", SHELLS, ids=" ".join)
def test_help(shell: list[str]) -> None:
    done = run(shell, script(), "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: sh install.sh")
    assert done.stderr == ""


def test_every_status_is_in_the_help_and_in_the_guide() -> None:
    """Those of the updater within are in its own help."""
    own, _, rest = script().partition("<<'UPDATER'\n")
    within, _, end = rest.partition("\nUPDATER\n")
    guides = Path(__file__).parents[3] / "docs/guides"
    for text in (own + end, within, program("shop", "Shop", "apt")):
        ends = set(re.findall(r"\b(?:fail|exit) ([0-9]+)\b", text))
        helped = re.findall(r"^  ([0-9]+) +[a-z]", text.partition("It ends with\n")[2], re.M)
        assert ends - {"0"} <= set(helped)
        if text == own + end:
            guide = (guides / "installer.md").read_text()
            assert re.findall(r"^\| ([0-9]+) \| ", guide, re.M) == helped


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (["--bogus"], "unknown option --bogus"),
        (["--url"], "--url needs a value"),
        (["--url", "ftp://x"], "must begin with"),
        (["--url", "https://"], "must begin with"),
        (["--url", "https://x/$(id)"], "a character that it must not"),
        # dnf would take two addresses.
        (["--url", "https://x/a,b"], "a character that it must not"),
        (["--url", "https://x\nURIs: y"], "a character that it must not"),
        (["--channel", "../x"], "no channel can be called"),
        (["--channel", ""], "--channel needs a value"),
        (["a;b"], "no package can be called"),
        (["shop-"], "no package can be called"),
        (["~nshop"], "no package can be called"),
        (["shop=1.0-"], "no version can be called '1.0-'"),
        (["shop="], "no version can be called ''"),
        (["shop=1 2"], "no version can be called"),
        (["=1.0"], "a version of which package?"),
        (["--platform"], "--platform needs a value"),
        (["one", "two"], "one package at a time"),
        (["--from"], "--from needs a value"),
        (["--from", ""], "--from needs a value"),
        (["--from", "/etc"], "no copy of this repository is in '/etc'"),
        (["--from", "/", "--url", "https://x"], "either --url or --from"),
        (["--url", ""], "--url needs a value"),
        (["--user", "--tarball", "shop"], "either --user or --tarball"),
        (["--tarball", "--user", "shop"], "either --user or --tarball"),
        (["--uninstall", "--rollback", "shop"], "either --uninstall or --rollback"),
        ([""], "no package is called ''"),
        (["--user"], "--user needs a package"),
        (["--user", "--platform", "debian-12", "shop"], "which are of no --platform"),
        (["--uninstall", "shop=1.0"], "whatever version of it is there"),
        (["--uninstall", "--user"], "--user needs a package"),
        (["--keep-current"], "--keep-current needs a package"),
        (["--every", "1h", "shop"], "go with --keep-current"),
        (["--keep-current", "--every", "7m", "shop"], "neither minutes that divide an hour"),
        (["--keep-current", "--window", "noon", "shop"], "'noon' is no window"),
        (["--keep-current", "shop=1.0"], "which would not stay"),
        (["--keep-current", "--uninstall", "shop"], "either --keep-current or --uninstall"),
        (["--user", "--keep-current", "--health-command", "x", "shop"], "knows no commands"),
        (["--tarball", "--keep-current", "shop=1.0"], "which would not stay"),
        (["--resume", "shop"], "--resume is for --tarball"),
        (["--tarball"], "--tarball needs a package"),
    ],
)
def test_mistakes_have_exact_causes(arguments: list[str], cause: str) -> None:
    for shell in SHELLS:
        done = run(shell, script(), *arguments)
        assert done.returncode == 2
        assert cause in done.stderr
        assert done.stdout == ""


def test_without_an_address_it_asks_for_one() -> None:
    done = run(["dash"], script(base_url=""))
    assert "give it with --url" in done.stderr


def test_a_cut_off_download_runs_nothing() -> None:
    text = script()
    # Not even the beginning of a function's name, which may be that of a program.
    names = [match.start() + 3 for match in re.finditer(r"^\w{4,}\(\)", text, re.MULTILINE)]
    # Without its last line break it is complete.
    for end in [
        *(len(text) - cut for cut in range(2, 20)),
        *range(800, len(text), 997),
        *names[::4],
    ]:
        done = run(["dash"], text[:end], "--help")
        assert (done.stdout, done.returncode) == ("", 2), end
        assert "not found" not in done.stderr, end


@pytest.mark.parametrize("title", ["Shop's $(touch /tmp/x)`id`", 'a"b', "50% @NAME@ \\1"])
def test_titles_are_quoted(title: str) -> None:
    done = run(["dash"], script(title) + '\nprintf "%s" "$TITLE"\n', "--help")
    assert done.returncode == 0
    assert f"TITLE={title}" not in script(title)
    kept = script(title).replace('main "$@"\n}', 'printf "%s" "$TITLE"\n}')
    assert run(["dash"], kept).stdout == title
