"""Options of ``[web]`` that nobody would honour: an error at their place in the recipe."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from omnibuild.host.servers.server import Option
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Web
from omnibuild.recipe.validate import quoted


def said(web: Web) -> Iterator[Option]:
    """Yield the options that a recipe says."""
    limits = web.limits
    values: dict[Option, object] = {
        "workers": web.workers,
        "threads": web.threads,
        "options": web.options,
        "limits.body": limits.body,
        "limits.request": limits.request,
        "limits.keep-alive": limits.keep_alive,
        "limits.graceful": limits.graceful,
        "access-log": web.access_log,
        "static": web.static,
        "media": web.media,
        "tls": web.tls,
    }
    yield from (option for option, value in values.items() if value)


def faults(
    web: Web,
    own: Collection[Option],
    proxy: Collection[Option],
    conflicts: Mapping[Option, str],
) -> Iterator[Fault]:
    """Yield the options that a recipe says, and nobody honours.

    Args:
        web: the recipe's table.
        own: what its server honours.
        proxy: what a proxy would honour.
        conflicts: what its server does not honour beside another option, and which that is.
    """
    server = "an app that is its own server" if web.server == "own" else web.server
    for option in said(web):
        beside = conflicts.get(option)
        if (option in own and not beside) or (web.proxy and option in proxy):
            continue
        hint = "take it out: docs/guides/servers.md says what each server takes"
        if option in proxy:
            hint = 'add `proxy = "nginx"`, which does it, or take it out'
        what = f"`web.{option}` is nothing that {server} can be told"
        if beside:
            what += f" beside `{beside}`"
            hint += f", or take out `{beside}`"
        yield Fault(("web", *option.split(".")), what, hint, in_key=True)


def word_faults(web: Web, launched: Collection[str]) -> Iterator[Fault]:
    """Yield words for the server that its launcher has said already, or that undo it.

    Args:
        web: the recipe's table.
        launched: what only a launcher may say.
    """
    for index, word in enumerate(web.options):
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        if name in launched:
            what = f"{quoted(name)} is the launcher's own word to {web.server}"
            hint = "`listen`, `app` and `proxy` of [web] say where it listens and what it serves"
            yield Fault(("web", "options", index), what, hint)
