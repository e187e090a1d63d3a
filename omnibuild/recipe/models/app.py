"""Recipes: one app, from source to host."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from omnibuild.recipe.fields import (
    Address,
    AppVersion,
    HostPath,
    Line,
    Name,
    OptionalLine,
    Pin,
    Script,
    Text,
    Variable,
    Version,
)
from omnibuild.recipe.models.audit import Audit
from omnibuild.recipe.models.base import Model
from omnibuild.recipe.models.build import Build
from omnibuild.recipe.models.package import ConfigFile, HostFile, Package
from omnibuild.recipe.models.python import Python
from omnibuild.recipe.models.services import Bundle, Secret, Service, Timer
from omnibuild.recipe.models.software import Chosen
from omnibuild.recipe.models.web import Web


class VersionFrom(Model, frozen=True, kw_only=True):
    """``[app]``: where the version is said, instead of in the recipe."""

    origin: Annotated[
        Literal["project", "git"],
        Meta(
            description="`project`: what its files declare, or its pin in the index. `git`: the"
            " latest tag like v1.4, `1.4.post3+g…` for the third commit after it, `….dirty` with"
            " changes that are not committed."
        ),
    ] = field(name="from")


class App(Model, frozen=True, kw_only=True):
    """``[app]``: what the package is called and says about itself."""

    name: Annotated[
        Name,
        Meta(description="Package name, command prefix and directory name.", examples=["shop"]),
    ]
    version: Annotated[
        AppVersion | VersionFrom,
        Meta(
            description='Upstream version of the app, or where it is said: `{ from = "project" }`,'
            ' `{ from = "git" }`.'
        ),
    ]
    summary: Annotated[Line, Meta(description="One line that says what the app is.", max_length=80)]
    license: Annotated[Line, Meta(description="SPDX licence expression.")]
    maintainer: Annotated[Address, Meta(description="Name and address.")]
    description: Annotated[
        Text,
        Meta(
            description="Longer text, paragraphs apart by a blank line; without it packages say"
            " that they bring what they need."
        ),
    ] = ""
    homepage: Annotated[OptionalLine, Meta(description="Where to read more.")] = ""
    vendor: Annotated[
        OptionalLine,
        Meta(description="Who publishes the package; rpms say it, and nothing else does."),
    ] = ""

    @property
    def release(self) -> str:
        """The version, once it is known where the recipe leaves it to others."""
        if isinstance(self.version, VersionFrom):
            raise TypeError(f"the version of {self.name} is not settled")
        return self.version


class AppSource(Model, frozen=True, kw_only=True):
    """``[source]``: the app's own code; exactly one of ``path`` and ``index``."""

    path: Annotated[
        OptionalLine, Meta(description="Directory of a Python project, relative to the recipe.")
    ] = ""
    index: Annotated[
        Pin, Meta(description="`name==version` of a package that the lock file pins.")
    ] = ""


class Recipe(Model, frozen=True, kw_only=True):
    """``recipes/<app>.toml``: one app, from source to host."""

    app: App
    source: AppSource | UnsetType = UNSET
    python: Python | UnsetType = UNSET
    software: Annotated[
        dict[Name, Version | Chosen],
        Meta(
            description="Further components to bundle, and which definition is taken for one"
            ' wherever it is needed: name to version or series, as `pcre2 = "10.42"`, which'
            ' `software/pcre2-10.42.toml` may define; or `nginx = { variants = ["debug"] }`.'
        ),
    ] = field(default_factory=dict)
    web: Web | UnsetType = UNSET
    bundle: Bundle | UnsetType = UNSET
    services: Annotated[dict[Name, Service], Meta(description="Further services.")] = field(
        default_factory=dict
    )
    timers: Annotated[dict[Name, Timer], Meta(description="What runs at certain times.")] = field(
        default_factory=dict
    )
    commands: Annotated[
        dict[Script, Line],
        Meta(description="Command in /usr/bin to what it runs, as for services."),
    ] = field(default_factory=dict)
    environment: Annotated[
        dict[Variable, OptionalLine],
        Meta(
            description="Variables of all its processes and commands, unless set by the host."
            " A value that is a path of [config] follows the file where a moved tree keeps it."
        ),
    ] = field(default_factory=dict)
    config: Annotated[
        dict[HostPath, Line | ConfigFile],
        Meta(
            description="Host path of what operators edit to a file, relative to the recipe, as"
            ' `"/etc/shop/shop.toml" = "files/shop.toml"`; on hosts it is root\'s, and everybody'
            ' may read it. Or `"/etc/shop/secret.ini" = { source = "files/secret.ini",'
            ' mode = "0640", group = "shop" }`.'
        ),
    ] = field(default_factory=dict)
    files: Annotated[
        dict[HostPath, Line | HostFile],
        Meta(
            description="Path on the host, below the app's directory or `/usr`, to a file or"
            " directory, relative to the recipe, that packages have there and upgrades replace, as"
            ' `"/usr/share/bash-completion/completions/shop" = "files/shop.bash"`.'
        ),
    ] = field(default_factory=dict)
    secrets: Annotated[
        dict[Name, Secret],
        Meta(
            description="What only this host knows, as `session-key = {}`: made once, at the first"
            " installation, or written by the operator. The app reads a file of that name in the"
            " directory that `$SHOP_SECRETS` names."
        ),
    ] = field(default_factory=dict)
    build: Build | UnsetType = UNSET
    package: Package = field(default_factory=Package)
    audit: Audit | UnsetType = UNSET

    @property
    def chosen(self) -> dict[str, Chosen]:
        """The components of ``[software]``, each written out."""
        return {
            name: Chosen(version=said) if isinstance(said, str) else said
            for name, said in self.software.items()
        }

    @property
    def config_files(self) -> dict[str, ConfigFile]:
        """The files of ``[config]``, each written out."""
        return {
            path: ConfigFile(source=said) if isinstance(said, str) else said
            for path, said in self.config.items()
        }

    @property
    def host_files(self) -> dict[str, HostFile]:
        """The files of ``[files]``, each written out."""
        return {
            path: HostFile(source=said) if isinstance(said, str) else said
            for path, said in self.files.items()
        }
