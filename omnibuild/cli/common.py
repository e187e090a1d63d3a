"""What commands share: settings from arguments, and the right way to show events."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator

from omnibuild.errors import UsageError
from omnibuild.events import Emit, Event, ReadersShown
from omnibuild.settings import (
    DEFAULT_DOWNLOAD,
    DEFAULT_LOG,
    DEFAULT_STEP_SECONDS,
    DEFAULT_UNPACKED,
    RemoteSettings,
    Settings,
    default_cache,
    default_cores,
    default_remote,
    default_trusted,
)

MEGABYTE = 1_000_000


def settings_from(arguments: argparse.Namespace) -> Settings:
    """Resolve the settings of a command; raises :class:`UsageError`."""
    jobs = getattr(arguments, "jobs", None)
    if jobs is not None and jobs < 1:
        raise UsageError("--jobs takes a number from 1", hint="leave it out to use all cores")
    if not arguments.workspace.is_dir():
        raise UsageError(f"there is no directory {arguments.workspace}", hint="see --workspace")
    chosen = getattr(arguments, "cache_dir", None)
    cache = chosen.absolute() if chosen else default_cache()
    return Settings(
        workspace=arguments.workspace.absolute(),
        cache=cache,
        cores=jobs or default_cores(),
        step_seconds=_number(arguments, "timeout") or DEFAULT_STEP_SECONDS,
        step_memory=int(_number(arguments, "memory") * MEGABYTE),
        log=int(_number(arguments, "max-log") * MEGABYTE) or DEFAULT_LOG,
        download=int(_number(arguments, "max-download") * MEGABYTE) or DEFAULT_DOWNLOAD,
        unpacked=most_unpacked(arguments),
        release=getattr(arguments, "release", False),
        keep_going=getattr(arguments, "keep_going", False),
        sandbox=getattr(arguments, "sandbox", "auto"),
        remote=_remote(arguments),
    )


def most_unpacked(arguments: argparse.Namespace) -> int:
    """Return how many bytes one archive may unpack to."""
    return int(_number(arguments, "max-unpacked") * MEGABYTE) or DEFAULT_UNPACKED


def _remote(arguments: argparse.Namespace) -> RemoteSettings:
    """Return the remote cache of a command; none for commands that do not use one."""
    if not hasattr(arguments, "remote"):
        return RemoteSettings()
    url = arguments.remote if arguments.remote is not None else default_remote()
    push = getattr(arguments, "push", False)
    sign_with = getattr(arguments, "sign_with", "")
    for option, given in (("--push", push), ("--trust", arguments.trust)):
        if given and not url:
            raise UsageError(f"{option} needs a remote cache", hint="name it with --remote")
    if sign_with and not push:
        raise UsageError("--sign-with signs what is pushed", hint="add --push, or leave it out")
    return RemoteSettings(
        url=url,
        push=push,
        trusted=tuple(arguments.trust) or default_trusted(),
        sign_with=sign_with,
    )


def _number(arguments: argparse.Namespace, option: str) -> float:
    """Return the number of an option that not every command has, 0 when it was not given."""
    number = getattr(arguments, option.replace("-", "_"), None)
    if number is not None and not number > 0:
        raise UsageError(f"--{option} takes a number above 0", hint="leave it out for the default")
    return float(number or 0)


def unseen(event: Event) -> None:
    """Show nothing: where the answer is one document in JSON, nothing else belongs beside it."""


@contextlib.contextmanager
def showing(arguments: argparse.Namespace) -> Iterator[Emit]:
    """Do as :func:`reporting`; then run the user's command if readers were shown something."""
    command = arguments.after_publish
    shown: list[ReadersShown] = []
    with reporting(arguments) as emit:

        def noted(event: Event) -> None:
            if isinstance(event, ReadersShown):
                shown.append(event)
            emit(event)

        yield noted
    if command and shown and not getattr(arguments, "dry_run", False):
        from omnibuild.repository.hook import run_hook

        run_hook(command, arguments.repo, shown)


@contextlib.contextmanager
def reporting(arguments: argparse.Namespace) -> Iterator[Emit]:
    """Yield what shows events: live on a terminal, lines in a pipe, JSON when asked for."""
    if arguments.json:
        from omnibuild.report.plain import JsonReport

        yield JsonReport(sys.stdout)
    elif sys.stderr.isatty():
        from rich.console import Console

        from omnibuild.report.console import LiveReport

        with LiveReport(Console(stderr=True)) as report:
            yield report
    else:
        from omnibuild.report.plain import PlainReport

        with PlainReport(sys.stderr) as lines:
            yield lines
