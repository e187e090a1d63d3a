"""Write the reference pages that come from code: definitions, hooks, errors, the audit's checks.

Run it after a change of ``omnibuild/recipe/models``, ``omnibuild/errors.py``, hooks or the table
of checks; a unit test fails as long as ``docs/reference`` says something else than the code.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

from omnibuild import errors
from omnibuild.audit.checks.table import CHECKS, Check
from omnibuild.errors import OmnibuildError
from omnibuild.host.hooks import POINTS, POST_CONFIGURE, PRE_INSTALL, PRE_REMOVE, PREPARING, PURGE
from omnibuild.recipe.models import Platform, Recipe, Software
from omnibuild.recipe.models.audit import NEVER_WAIVED, NO_GLOBS
from omnibuild.recipe.schema import reference_markdown

DIRECTORY = Path(__file__).parent.parent / "docs" / "reference"


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    models = {"recipe.md": Recipe, "software.md": Software, "platform.md": Platform}
    texts = {name: reference_markdown(model) for name, model in models.items()}
    return {
        **texts,
        "hooks.md": hooks_markdown(),
        "errors.md": errors_markdown(),
        "audit.md": audit_markdown(),
    }


HOOKS = """\
# Hooks

What an app does itself when it is installed, upgraded or removed. A hook is a file called after its
point, in the directory that the recipe names:

```toml
[package]
scripts = "package-scripts"
```

It is POSIX shell, needs no first line and no mode, and runs with `set -eu`; its `exit` and its
variables stay its own. All formats run the same hooks but tarballs and images, which have `prepare`
and `migrate` only, and PEX files, which have none. `omnibuild check` reads them: a name that is
none is refused, and so is what is no shell.

| hook | when, and as whom |
|---|---|
"""
FAILING = """
```sh
# package-scripts/pre-install: this host is not to get the new version yet
if [ "$1" = upgrade ] && [ -e /etc/shop/stay ]; then
    echo "shop: /etc/shop/stay says that no upgrade is wanted" >&2
    exit 1
fi
```

## When one fails

| hook | deb | rpm |
|---|---|---|
"""
# What the failure of hooks does: names of some, in debs, in rpms.
FAILURES = (
    (
        (PRE_INSTALL,),
        "the package is not installed, and the version before runs on",
        "the same",
    ),
    (
        (*PREPARING, POST_CONFIGURE),
        "`apt` fails; what ran before runs on, and after a first installation nothing is started."
        " Once it is mended: `dpkg --configure -a`",
        "`dnf` warns and goes on; the rest as with debs. Once it is mended: `dnf reinstall shop`",
    ),
    ((PRE_REMOVE,), "the package stays, and runs on", "the same"),
    ((PURGE,), "`dpkg --purge` fails, and can be tried again", "rpm purges nothing"),
)
OTHERS = """
[Packages for pacman, apk and opkg](../guides/packages.md#packages-for-pacman-apk-and-opkg) go on
where these managers do: that page tells.
"""


def hooks_markdown() -> str:
    """Return the page on hooks: what there is, when each runs, and what its failure does."""
    rows = "".join(f"| `{name}` | {about} |\n" for name, about in POINTS.items())
    failing = "".join(
        f"| {', '.join(f'`{name}`' for name in names)} | {deb} | {rpm} |\n"
        for names, deb, rpm in FAILURES
    )
    return HOOKS + rows + FAILING + failing + OTHERS


def errors_markdown() -> str:
    """Return the catalogue of errors: code, exit status, meaning."""
    lines = [
        "# Errors",
        "",
        "Every error names what went wrong, where, why, and what to do next. Its code and the"
        " exit status of the command are stable; the wording is not.",
        "",
        "| code | exit status | meaning |",
        "|---|---|---|",
    ]
    for error in _errors():
        meaning = (inspect.getdoc(error) or "").partition("\n\n")[0].replace("\n", " ")
        lines.append(f"| `{error.code}` | {error.exit_status} | {meaning} |")
    return "\n".join(lines) + "\n"


AUDIT = """\
# Audit

Every file of a finished payload is checked, for each platform. An error stops the build; a warning
is told each time, and both are in `FILE.audit.json` beside each artifact and in what `--json` says.
Warnings about components that ship with omnibuild, and about how distributions of the index were
compiled, are only there, and in what `omnibuild audit` says: nothing that you write changes them. A
finding names the file, who brought it (a distribution or component with its version, the project,
or the recipe), and what to write.

What is right as it is may stay if the recipe says why:

```toml
[[audit.waivers]]
check = "shebang"
path = "/opt/shop/lib/python3.13/site-packages/tool/**"
reason = "nobody starts these on hosts"
```

Waived findings are shown at each build, too, and a waiver that covers nothing is a warning. Files
that nobody needs on hosts can be left out by `[python.prune]`, or by `prune` of a component.

`omnibuild audit FILE|DIR` checks a .deb, an .rpm, a package of pacman, apk or opkg, an image, a
tarball or a tree by the same table, whoever made it: it judges whether a package stands alone, not
whether its dependencies are declared. Its exit status is 6 when there are errors. Of an image with
several layers the lowest is to the others what a host is to packages: it is not judged.

| check | level | waived | what is demanded |
|---|---|---|---|
"""


def audit_markdown() -> str:
    """Return the page on the audit's checks."""
    return AUDIT + "".join(
        f"| `{check.name}` | {_level(check)} | {_waived(check.name)} | {check.explanation} |\n"
        for check in CHECKS
    )


def _level(check: Check) -> str:
    of_components = f", {check.of_components} in components" if check.of_components else ""
    return f"{check.level}{of_components}"


def _waived(name: str) -> str:
    if name in NEVER_WAIVED:
        return "never"
    return "file by file" if name in NO_GLOBS else "yes"


def _errors() -> Iterator[type[OmnibuildError]]:
    """Yield the errors a user can meet, in the order of the module."""
    for each in vars(errors).values():
        is_error = isinstance(each, type) and issubclass(each, OmnibuildError)
        if is_error and each is not OmnibuildError:
            yield each


def main() -> None:
    """Write all pages."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (DIRECTORY / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
