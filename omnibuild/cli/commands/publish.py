"""``omnibuild publish``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnibuild.cli.common import settings_from, showing
from omnibuild.errors import UsageError
from omnibuild.settings import default_key

if TYPE_CHECKING:
    from omnibuild.repository.state.entries import Advisory


def run(arguments: argparse.Namespace) -> int:
    """Add packages to the repository, push images, and say what readers see now."""
    from omnibuild.repository.intake import divided

    images, packages = divided(arguments.files)
    _check(arguments, images, packages)
    document: dict[str, Any] = {}
    if packages:
        document |= _publish(arguments, packages)
    if images:
        document["images"] = _push(arguments, images)
    if arguments.json:
        import json

        sys.stdout.write(json.dumps(document) + "\n")
    return 0


def _check(arguments: argparse.Namespace, images: Sequence[Path], packages: Sequence[Path]) -> None:
    """Refuse files that no place is named for, before anything is changed."""
    _refuse_several(arguments, [] if arguments.registry else images, packages)
    if images and not arguments.registry:
        raise UsageError(
            f"{images[0].name} is an image, and no registry is named for it",
            hint="add --registry registry.example.com/team, or leave images out",
        )
    if packages and not arguments.repo:
        raise UsageError(
            f"no repository is named for {packages[0].name}", hint="add --repo DIRECTORY"
        )
    for option, wanted in (("registry", images), ("repo", packages)):
        if getattr(arguments, option) and not wanted:
            raise UsageError(f"no file is for --{option}")


def _refuse_several(
    arguments: argparse.Namespace, images: Sequence[Path], packages: Sequence[Path]
) -> None:
    """Refuse all files at once that belong elsewhere, and say which command publishes the rest."""
    from omnibuild.repository.intake import OTHERS, PACKAGE_SUFFIXES

    lines = [f"{path.name} is an image, for a registry: --registry" for path in images]
    rest: dict[str, None] = {}
    for path in packages:
        suffix = next(
            (each for each in (*OTHERS, *PACKAGE_SUFFIXES) if path.name.endswith(each)), ""
        )
        if suffix in OTHERS:
            manager, install = OTHERS[suffix]
            lines.append(f"{path.name} is for {manager}, as a file: {install} {path.name}")
        elif suffix:
            # Packages of pacman have the ending of tarballs, too.
            rest[str(path if suffix.startswith(".tar") else path.with_name(f"*{suffix}"))] = None
    if len(lines) < 2:
        return
    repo = f" --repo {arguments.repo}" if arguments.repo else ""
    raise UsageError(
        f"{len(lines)} of the files are for no apt or yum repository",
        why="\n".join(lines),
        hint=f"leave them out: omnibuild publish {' '.join(rest)}{repo}" if rest else "",
    )


def _publish(arguments: argparse.Namespace, packages: Sequence[Path]) -> dict[str, Any]:
    from omnibuild.recipe.definitions import Definitions
    from omnibuild.repository.publish import publish
    from omnibuild.signing.signer import load_signers

    definitions = Definitions(settings_from(arguments).workspace)
    platforms = [definitions.platform(name)[0] for name in definitions.names("platforms")]
    signer = load_signers(arguments.key or [default_key()])
    with showing(arguments) as emit:
        release = publish(
            packages,
            arguments.repo,
            signer,
            channel=arguments.channel,
            platforms=platforms,
            base_url=arguments.url,
            emit=emit,
            component=arguments.component,
            advisories=_advisories(arguments, packages),
        )
    if not arguments.json:
        state = "new state published" if release.changed else "nothing new"
        count = len(release.added)
        added = "1 package" if count == 1 else f"{count} packages"
        sys.stdout.write(
            f"{arguments.repo}: channel {release.channel}, {added} added,"
            f" {state}\nsigned by {signer.fingerprint}\n"
        )
    return {
        "channel": release.channel,
        "added": release.added,
        "changed": release.changed,
        "digest": release.digest,
        "fingerprint": signer.fingerprint,
        "key_expires": signer.expires.isoformat() if signer.expires else None,
    }


def _advisories(arguments: argparse.Namespace, packages: Sequence[Path]) -> Sequence[Advisory]:
    if arguments.advisories is None:
        return ()
    if not any(path.suffix == ".rpm" for path in packages):
        raise UsageError(
            f"no .rpm is for {arguments.advisories.name}",
            hint="leave --advisories out: only dnf and its kin read advisories",
        )
    from omnibuild.repository.yum.advisories import read_advisories

    return read_advisories(arguments.advisories)


def _push(arguments: argparse.Namespace, images: Sequence[Path]) -> list[dict[str, Any]]:
    from omnibuild.repository.registry import push

    pushed = push(images, arguments.registry, arguments.channel)
    if not arguments.json:
        for each in pushed:
            state = "pushed" if each.added else "was there"
            sys.stdout.write(f"{each.name}@{each.digest}  {state}\n")
    return [asdict(each) for each in pushed]
