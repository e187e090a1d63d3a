"""Removing what resists: closed directories, and more of them in each other than paths allow."""

from __future__ import annotations

import os


def remove_stubborn(top: str) -> None:
    """Remove a directory tree of closed directories and of any depth.

    What lies in a directory's directories moves up to ``top``, so that no path grows.
    """
    moved = f"{top}/{os.urandom(8).hex()}"
    waiting, count = [top], 0
    while waiting:
        directory = waiting[-1]
        os.chmod(directory, 0o700)
        with os.scandir(directory) as items:
            found = list(items)
        below = []
        for item in found:
            if not item.is_dir(follow_symlinks=False):
                os.unlink(item.path)
            elif directory == top:
                below.append(item.path)
            else:
                # A directory that moves is written itself: its name for what is above changes.
                os.chmod(item.path, 0o700)
                os.rename(item.path, f"{moved}-{count}")
                below.append(f"{moved}-{count}")
                count += 1
        if not below or directory != top:
            os.rmdir(waiting.pop())
        waiting += below
