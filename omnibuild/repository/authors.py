"""Who publishes, as far as this machine knows."""

from __future__ import annotations

import getpass
import os
import time

from omnibuild.repository.state.head import Author


def one_line(words: str) -> str:
    r"""Return what somebody said as one line that every file can hold.

    >>> one_line("logins\n  fail \udcff")
    'logins fail �'
    """
    # Arguments and the environment are bytes, and may be no UTF-8.
    text = words.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(text.split())


def author_of(action: str) -> Author:
    """Return who is publishing, as far as this machine knows: in CI, which run."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    names = ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")
    server, repository, run = (os.environ.get(name, "") for name in names)
    build = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
    build = build or os.environ.get("CI_JOB_URL", "") or os.environ.get("BUILD_URL", "")
    name = one_line(f"{user}@{os.uname().nodename}")
    return Author(name, int(time.time()), action, one_line(build))
