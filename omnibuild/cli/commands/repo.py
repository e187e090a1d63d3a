"""``omnibuild repo``: what a repository holds, and how it came to that."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omnibuild.cli.common import settings_from, showing
from omnibuild.errors import UsageError
from omnibuild.events import Emit, human_size
from omnibuild.repository.authors import one_line
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.history import Logged, log_of
from omnibuild.repository.life.inventory import inventories
from omnibuild.repository.life.pointers import pointers
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.life.retention import Retention, retire, retired
from omnibuild.repository.life.settings import keep_indexes, resign, set_contents, until
from omnibuild.repository.life.telling import logged, told
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import Published, remove
from omnibuild.settings import default_key
from omnibuild.signing.signer import Signer, load_signers

EXIT_FAULTS = 1


def run(arguments: argparse.Namespace) -> int:
    """Do what the action's word says."""
    actions = {
        "list": _list,
        "log": _log,
        "promote": _promote,
        "demote": _demote,
        "yank": _yank,
        "check": _check,
        "contents": _contents,
        "resign": _resign,
        "import": _import,
        "repair": _repair,
        "pointers": _pointers,
        "gc": _gc,
    }
    return actions[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> int:
    """Tell what channels hold."""
    found = inventories(arguments.repo, arguments.channel, arguments.name)
    if arguments.json:
        _write_json({"channels": [asdict(each) for each in found]})
    else:
        _tell(line for each in found for line in told(each))
    return 0


def _log(arguments: argparse.Namespace) -> int:
    """Tell how channels came to what they hold."""
    found = log_of(arguments.repo, arguments.channel)
    if arguments.json:
        _write_json({"releases": [_logged_data(each) for each in found]})
    else:
        _tell(line for each in found for line in logged(each))
    return 0


def _logged_data(logged: Logged) -> dict[str, Any]:
    release, author = logged.release, logged.release.author
    return {
        "release": logged.digest,
        "channel": release.channel,
        "current": logged.current,
        "time": author.time,
        "who": author.name,
        "action": author.action,
        "build": author.build,
        "added": release.added,
        "removed": release.removed,
        "before": release.before,
        "origin": release.origin,
        "reason": release.reason,
    }


def _promote(arguments: argparse.Namespace) -> int:
    """Bring packages to another channel."""
    with showing(arguments) as emit:
        done = promote(
            arguments.names,
            arguments.repo,
            _signer(arguments),
            arguments.source,
            arguments.to,
            emit,
        )
    return _tell_change(done, arguments)


def _demote(arguments: argparse.Namespace) -> int:
    """Have a channel hold what it held before."""
    if arguments.to == "":
        hint = "leave it out to go back to before the last release that added anything"
        raise UsageError("--to is empty", hint=hint)
    with showing(arguments) as emit:
        done = demote(
            arguments.repo,
            _signer(arguments),
            arguments.channel,
            arguments.to or "",
            one_line(arguments.reason),
            emit,
        )
    return _tell_change(done, arguments)


def _yank(arguments: argparse.Namespace) -> int:
    """Take packages out of a channel."""
    reason = one_line(arguments.reason)
    if not reason:
        raise UsageError("--reason is empty", hint="say why, for whoever reads `repo log`")
    with showing(arguments) as emit:
        done = remove(
            arguments.names,
            arguments.repo,
            _signer(arguments),
            arguments.channel,
            emit,
            reason,
        )
    return _tell_change(done, arguments)


def _check(arguments: argparse.Namespace) -> int:
    """Verify a repository, and tell all that is wrong."""
    done = check(arguments.repo, deep=arguments.deep)
    if arguments.json:
        _write_json(asdict(done))
    else:
        _tell(f"warning: {each.place}: {each.what}" for each in done.warnings)
        for fault in done.faults:
            first, *more = fault.what.splitlines()
            _tell([f"{fault.place}: {first}", *(f"  {line}" for line in more)])
        how = "read" if arguments.deep else "there"
        faults = "1 fault" if len(done.faults) == 1 else f"{len(done.faults)} faults"
        state = faults if done.faults else "nothing is wrong"
        _tell(
            [
                f"{done.files} files {how}, {human_size(done.size)};"
                f" {done.releases} releases: {state}"
            ]
        )
    return EXIT_FAULTS if done.faults else 0


def _contents(arguments: argparse.Namespace) -> int:
    """Turn Contents on or off."""
    signer = _signer(arguments)
    with showing(arguments) as emit:
        set_contents(arguments.repo, signer, wanted=arguments.wanted == "on", emit=emit)
    if not arguments.json:
        _tell([f"{arguments.repo}: Contents are {arguments.wanted}"])
    return 0


def _resign(arguments: argparse.Namespace) -> int:
    """Sign all suites again."""
    signer = _signer(arguments)
    with showing(arguments) as emit:
        done = resign(arguments.repo, signer, arguments.valid_days, emit)
    if arguments.json:
        _write_json(asdict(done))
        return 0
    end = f"valid until {until(done)}" if done.days else "valid for ever"
    _tell([f"{arguments.repo}: {', '.join(done.suites) or 'no suite'} signed again, {end}"])
    return 0


def _import(arguments: argparse.Namespace) -> int:
    """Take over a repository of another tool."""
    from omnibuild.recipe.definitions import Definitions
    from omnibuild.repository.importing.sources import Mapping
    from omnibuild.repository.importing.takeover import Wanted, import_repository

    definitions = Definitions(settings_from(arguments).workspace)
    platforms = [definitions.platform(name)[0] for name in definitions.names("platforms")]
    mapping = Mapping(arguments.channel, tuple(arguments.suite), arguments.component)
    with tempfile.TemporaryDirectory(prefix="omnibuild-") as scratch, showing(arguments) as emit:
        wanted = Wanted(
            arguments.place,
            mapping,
            arguments.downloads or Path(scratch),
            tuple(arguments.signed_by),
            arguments.unsigned,
            arguments.skip_refused,
        )
        signer = load_signers(arguments.key or [default_key()])
        place = (arguments.repo, signer, platforms, arguments.url)
        done = import_repository(wanted, *place, emit, dry_run=arguments.dry_run)
    if arguments.json:
        _write_json({**asdict(done), "dry_run": arguments.dry_run})
    else:
        _tell(done.lines(dry_run=arguments.dry_run))
    return 0


def _repair(arguments: argparse.Namespace) -> int:
    """Make a repository whole, and tell what was done and what is lost."""
    with showing(arguments) as emit:
        done = repair(
            arguments.repo,
            _signer(arguments),
            emit,
            drop_lost=arguments.drop_lost,
            dry_run=arguments.dry_run,
        )
    if arguments.json:
        _write_json({**asdict(done), "dry_run": arguments.dry_run})
    else:
        _tell(done.lines(dropped=arguments.drop_lost, dry_run=arguments.dry_run))
    return EXIT_FAULTS if done.lost and not arguments.drop_lost else 0


def _pointers(arguments: argparse.Namespace) -> int:
    """Tell which files change under their names."""
    found = pointers(arguments.repo)
    if arguments.json:
        _write_json({"urls": found})
    else:
        _tell(found)
    return 0


def _gc(arguments: argparse.Namespace) -> int:
    """Remove what is old."""
    if arguments.keep is not None and arguments.keep < 1:
        raise UsageError("--keep takes a number from 1", hint="leave it out to keep all versions")
    before = time.time() - arguments.older_than
    with showing(arguments) as emit:
        if arguments.keep_indexes is not None and not arguments.dry_run:
            keep_indexes(arguments.repo, _signer(arguments), arguments.keep_indexes, emit)
        retired = _retire(arguments, before, emit) if arguments.keep is not None else ()
        done = collect(arguments.repo, before, emit, dry_run=arguments.dry_run)
    if arguments.json:
        _write_json({"removed": retired, **asdict(done), "dry_run": arguments.dry_run})
        return 0
    would = "would remove" if arguments.dry_run else "removed"
    _tell(f"- {title}" for title in retired)
    _tell([f"{would} {done.files} files and {done.records} records: {human_size(done.size)}"])
    return 0


def _retire(arguments: argparse.Namespace, before: float, emit: Emit) -> tuple[str, ...]:
    """Take old versions out of a channel; return what they were."""
    retention = Retention(arguments.keep, before)
    if arguments.dry_run:
        return tuple(retired(arguments.repo, arguments.channel, retention))
    signer = _signer(arguments)
    return retire(arguments.repo, signer, arguments.channel, retention, emit).removed


def _signer(arguments: argparse.Namespace) -> Signer:
    return load_signers(arguments.key or [default_key()])


def _tell_change(done: Published, arguments: argparse.Namespace) -> int:
    """Tell what came to a channel and what went."""
    if arguments.json:
        names = ("channel", "added", "removed", "changed", "digest")
        _write_json({name: getattr(done, name) for name in names})
        return 0
    _tell([*(f"+ {title}" for title in done.added), *(f"- {title}" for title in done.removed)])
    state = "new state published" if done.changed else "nothing new"
    _tell([f"{arguments.repo}: channel {done.channel}, {state}"])
    if done.removed:
        _tell(["hosts that have what was taken out keep it"])
    return 0


def _tell(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _write_json(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
