"""Build systems as templates: the steps that definitions would repeat, written out as shell.

Templates become text when a component is planned. So its key has the text that runs, and a
template that changes builds again exactly what uses it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from omnibuild.recipe.models import TemplateStep

# Out of the way of sources that have a directory `build` already.
_OUT = "omnibuild-build"
_WIDTH = 98

# What lies below the prefix before the first step, and what tidying finds there besides.
_BENEATH, _INSTALLED, _COVERED = "/build/beneath", "/build/installed", "/build/covered"
_AT_OR_BELOW = '$0 == ENVIRON["path"] || index($0, ENVIRON["path"] "/") == 1'
_REMEMBER = f'(cd "$PREFIX"; find . | sort > {_BENEATH})'


@dataclass(frozen=True)
class Template:
    """One way to build that many sources share.

    Args:
        steps: makes shell texts of the words that a definition adds, and of the directory in the
            source where the build system is, empty for its top.
        tools: components that these run.
    """

    steps: Callable[[Sequence[str], str], list[str]]
    tools: tuple[str, ...] = ()


def expanded(steps: Sequence[str | TemplateStep]) -> list[str]:
    """Return steps as shell texts, those of templates written out."""
    texts: list[str] = []
    for step in steps:
        if isinstance(step, str):
            texts.append(step)
        else:
            texts += TEMPLATES[step.template].steps(step.words, step.directory)
    tidied = any(isinstance(step, TemplateStep) and step.tidy is not None for step in steps)
    return [_REMEMBER, *texts] if tidied else texts


def tools(steps: Sequence[str | TemplateStep]) -> tuple[str, ...]:
    """Return the components that the templates among steps run."""
    used = [TEMPLATES[step.template].tools for step in steps if isinstance(step, TemplateStep)]
    return tuple(dict.fromkeys(tool for each in used for tool in each))


def _autotools(words: Sequence[str], directory: str) -> list[str]:
    fixed = ["./configure", '--prefix="$PREFIX"', '--libdir="$PREFIX/lib"']
    return [_script([_wrapped([*fixed, *words])], directory), *_make([], directory)]


def _make(words: Sequence[str], directory: str) -> list[str]:
    make = ["make", *(["-C", shlex.quote(directory)] if directory else [])]
    return [_script([_wrapped([*make, *words])]), _script([_wrapped([*make, *_INSTALL, *words])])]


_INSTALL = ("-j1", "install")


def _cmake(words: Sequence[str], directory: str) -> list[str]:
    source = shlex.quote(directory or ".")
    # The search path is that of $LDFLAGS, here as everywhere; CMake knows no $CPPFLAGS.
    configure = [
        f"cmake -S {source} -B {_OUT}",
        '-DCMAKE_INSTALL_PREFIX="$PREFIX"',
        "-DCMAKE_INSTALL_LIBDIR=lib",
        '-DCMAKE_PREFIX_PATH="$PREFIX"',
        "-DCMAKE_BUILD_TYPE=Release",
        "-DCMAKE_SKIP_RPATH=ON",
        *words,
    ]
    flags = 'export CFLAGS="$CPPFLAGS $CFLAGS" CXXFLAGS="$CPPFLAGS $CXXFLAGS"'
    return [_script([flags, _wrapped(configure)]), *_make([], _OUT)]


def _meson(words: Sequence[str], directory: str) -> list[str]:
    # Plain: the optimization is that of $CFLAGS. Nothing is downloaded in place of what is missing.
    configure = [
        f"meson setup {_OUT} {shlex.quote(directory or '.')}",
        '--prefix="$PREFIX"',
        "--libdir=lib",
        "--buildtype=plain",
        "--wrap-mode=nodownload",
        *words,
    ]
    # Ninja takes its jobs from those that all steps share by the name of the FIFO alone.
    shared = "MAKEFLAGS='-j --jobserver-auth=fifo:/build/jobserver'"
    return [
        _script([_wrapped(configure)]),
        f"{shared} ninja -C {_OUT}",
        f"meson install -C {_OUT} --no-rebuild",
    ]


def _tidy(globs: Sequence[str], directory: str) -> list[str]:
    del directory  # a definition cannot give one
    lines = [
        "set +x",
        'cd "$PREFIX"',
        f"find . | sort | comm -13 {_BENEATH} - > {_INSTALLED}",
    ]
    if globs:
        lines += [
            f"for glob in {' '.join(map(shlex.quote, globs))}; do",
            f"    : > {_COVERED}",
            "    IFS=; for path in $glob; do",
            f"        path=\"./$path\" awk '{_AT_OR_BELOW}' {_INSTALLED} >> {_COVERED}",
            "    done",
            "    unset IFS",
            f"    if ! [ -s {_COVERED} ]; then",
            '        echo "tidy: $glob covers nothing that this component installed" >&2',
            "        exit 1",
            "    fi",
            f"    sort -r {_COVERED} | while IFS= read -r path; do",
            '        [ -d "$path" ] && ! [ -L "$path" ] || rm -f "$path"',
            "    done",
            "done",
        ]
    # Archives, and what libtool says of them, are for linking alone.
    lines += [
        f"sort -r {_INSTALLED} | while IFS= read -r path; do",
        '    if [ -d "$path" ] && ! [ -L "$path" ]; then',
        '        rmdir --ignore-fail-on-non-empty "$path"',
        "        continue",
        "    fi",
        '    case "$path" in *.a | *.la) rm -f "$path" ;; esac',
        '    if [ -f "$path" ] && ! [ -L "$path" ] && head -c 4 "$path" | grep -aq "^.ELF"; then',
        '        chmod u+w "$path"',
        '        strip --strip-unneeded "$path"',
        "    fi",
        "done",
    ]
    return ["\n".join(lines)]


TEMPLATES = {
    "autotools": Template(_autotools),
    "cmake": Template(_cmake, tools=("cmake",)),
    "make": Template(_make),
    "meson": Template(_meson, tools=("meson", "ninja")),
    "tidy": Template(_tidy),
}


def _script(commands: Sequence[str], directory: str = "") -> str:
    """Return commands as definitions write them, so that moving to a template keeps a key."""
    lines = [*([f"cd {shlex.quote(directory)}"] if directory else []), *commands]
    if len(lines) == 1 and "\n" not in lines[0]:
        return lines[0]
    return "".join(f"    {line}\n" for line in lines) + "    "


def _wrapped(words: Sequence[str]) -> str:
    """Join words, with a new line before the column that no definition passes."""
    lines = [words[0]]
    for word in words[1:]:
        indent = 4 if len(lines) == 1 else 0
        if indent + len(lines[-1]) + len(f" {word} \\") >= _WIDTH:
            lines.append(f"        {word}")
        else:
            lines[-1] += f" {word}"
    return " \\\n".join(lines)
