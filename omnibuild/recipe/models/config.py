"""Configuration files of an app, as hosts have them."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from omnibuild.recipe.fields import Line
from omnibuild.recipe.models.base import Model

DEFAULT_MODE = "0644"


class ConfigFile(Model, frozen=True, kw_only=True):
    """``[config]``: for a file that not everybody may read, or that is not root's."""

    source: Annotated[Line, Meta(description="The file, relative to the recipe.")]
    mode: Annotated[
        str,
        Meta(
            description="Its permissions on hosts, in octal. Whoever can fetch the package reads"
            " the file there, whatever this says.",
            pattern=r"^0?[0-7]{3}\Z",
            examples=["0640"],
        ),
    ] = DEFAULT_MODE
    owner: Annotated[Line, Meta(description="`root`, or the app's user.")] = "root"
    group: Annotated[
        Line, Meta(description="`root`, or the app's user, for the group that is its own.")
    ] = "root"

    @property
    def permissions(self) -> int:
        """The mode as a number."""
        return int(self.mode, 8)
