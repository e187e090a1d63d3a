"""Commits of other people's git repositories: fetched, and nothing of them is run."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from omnibuild import files
from omnibuild.errors import SourceError, ToolFailedError
from omnibuild.patterns import regex
from omnibuild.sources.git.asking import GIT
from omnibuild.tools import CLEAN_ENVIRONMENT
from omnibuild.transfer.credentials import without_login

PROTOCOLS = ("https", "http", "ssh", "file")
# What could be a commit, a tag or a branch, and no option.
REVISION = regex(r"[A-Za-z0-9_][A-Za-z0-9_.+/@-]*")
_COMMIT = regex(r"[0-9a-f]{40}([0-9a-f]{24})?")
_URL = regex(r"[a-z]+://[^\s\"'\\\x00-\x1f\x7f]+")

# The way there is the caller's: proxies, an agent with keys, and helpers of git's own settings.
_PASSED = ("SSH_AUTH_SOCK", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE")
# Hooks and filters are programs; what a user's own filters make of files differs between users.
_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "core.autocrlf": "false",
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "filter.lfs.required": "false",
    "advice.detachedHead": "false",
}
_SECONDS = 1800.0


def is_commit(text: str) -> bool:
    """Tell whether a text is the whole name of a commit."""
    return bool(_COMMIT.fullmatch(text))


def is_repository(url: str) -> bool:
    """Tell whether an address can be that of a repository which is fetched."""
    return bool(_URL.fullmatch(url)) and urlsplit(url).scheme in PROTOCOLS


def check_out(url: str, revision: str, target: Path) -> str:
    """Fetch a commit with its files into the new directory ``target``; return its name.

    Args:
        url: of the repository; a login in it is in no argument of a program.
        revision: a commit, a tag or a branch; empty for the repository's own choice.
        target: must not exist.

    Raises :class:`SourceError` when it cannot be had.
    """
    try:
        _git(None, "init", "--quiet", "--template=", str(target))
        with (target / ".git/config").open("a") as stream:
            stream.write(f'[remote "origin"]\n\turl = "{url}"\n')
        commit = _fetched(target, revision or "HEAD")
        _git(target, "checkout", "--quiet", "--detach", commit)
    except ToolFailedError as error:
        # git's own words, without the command.
        why = "\n".join(error.why.splitlines()[1:]).replace(url, without_login(url))
        raise SourceError(
            f"cannot fetch {revision or 'HEAD'} of {without_login(url)}",
            why=why,
            hint="is it there, and are you allowed to read it? git asks its own helpers, or ssh",
        ) from error
    if (target / ".gitmodules").exists():
        raise SourceError(
            f"{without_login(url)} has submodules, which are not fetched",
            hint="take what its project publishes, an archive or a package: that has them",
        )
    return commit


def fetch_history(target: Path) -> None:
    """Fetch what came before a commit that was checked out, and its tags."""
    shallow = (target / ".git/shallow").exists()
    words = ("--quiet", "--tags", *(("--unshallow",) if shallow else ()))
    _git(target, "fetch", *words, "origin", check=False)


def remove_login(target: Path) -> None:
    """Let a checkout know no address any more."""
    config = target / ".git/config"
    text = config.read_text().partition('[remote "origin"]')[0]
    files.write_atomic(config, text)


def _fetched(target: Path, revision: str) -> str:
    """Fetch a revision, alone if the server gives it so; return its commit."""
    if _git(target, "fetch", "--quiet", "--depth=1", "--no-tags", "origin", revision, check=False):
        return _named(target, "FETCH_HEAD")
    # Part of a commit's name, or a server that gives only what has a name.
    _git(target, "fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*")
    return _named(target, revision)


def _named(target: Path, revision: str) -> str:
    words = ("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    return _git(target, *words).decode().strip().splitlines()[-1]


def _git(directory: Path | None, *words: str, check: bool = True) -> bytes:
    """Run git; return what it says, one line at least when it succeeds."""
    environment = {
        **{name: os.environ[name] for name in _PASSED if name in os.environ},
        **CLEAN_ENVIRONMENT,
        "HOME": str(Path.home()),
        "GIT_ALLOW_PROTOCOL": ":".join(PROTOCOLS),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    settings = [word for item in _SETTINGS.items() for word in ("-c", "=".join(item))]
    done = GIT.run(
        *settings,
        *words,
        environment=environment,
        directory=directory,
        check=check,
        seconds=_SECONDS,
    )
    return b"" if done.returncode else done.stdout + b"\n"
