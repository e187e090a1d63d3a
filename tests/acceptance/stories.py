"""What operators did before and between, and what must hold: a table of stories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One story. Every text is shell for the host; an empty one says nothing.

    Args:
        before: what the operator does first.
        installed: what holds then.
        between: what the operator does before the upgrade, to version 2.
        upgraded, removed, purged: what holds after each.
        after: what takes the operator's doings back.
    """

    before: str = ""
    installed: str = ""
    between: str = ""
    upgraded: str = ""
    removed: str = ""
    purged: str = ""
    after: str = ""


UPGRADED = "test $(cat /opt/shop/share/version) = 2\n"
KINDS = """
cd /opt/shop/share
test -f a
test "$(cat a)" = 'is a file'
test "$(readlink b)" = e
test "$(cat c/file d/own | uniq)" = 'is in a directory'
test ! -L d
test "$(cat e/file)" = 'on its own'
test ! -L f
test "$(cat f)" = 'is a file'
test "$(find /opt/shop -name '*.dpkg-*' -o -name '*.rpm*')" = ''
test "$(cat /etc/shop/kind/kind.conf)" = 'is in a directory'
"""
# What an operator mounts from elsewhere on the same disk: with what cleaning would take.
THEIRS = """
mkdir -p /srv/theirs/__pycache__ /srv/theirs/empty
echo theirs >/srv/theirs/__pycache__/file
"""
THEIRS_STAY = """
test "$(cat /srv/theirs/__pycache__/file)" = theirs
test -d /srv/theirs/empty
"""
MODES = """
modes() {
    cd /etc/shop
    test "$(stat -c '%n %U:%G %a' "$1".ini)" = "$1.ini $2 $3"
}
"""

ROWS = {
    "nothing": Row(
        before="test ! -e /opt/shop; ls -di /opt / /usr/bin /etc >/tmp/base",
        installed="""
            test "$(stat -c '%U:%G %a' /var/lib/shop /var/log/shop | uniq)" = 'shop:shop 750'
        """,
        removed="ls -di /opt / /usr/bin /etc | cmp - /tmp/base; test ! -e /opt/shop",
        purged="""
            ls -di /opt / /usr/bin /etc | cmp - /tmp/base
            for path in /opt/shop /etc/shop /var/lib/shop /var/log/shop /run/shop; do
                test ! -e $path
            done
        """,
    ),
    "kinds change": Row(
        between="echo mine >/etc/shop/edited.conf",
        upgraded=UPGRADED
        + KINDS
        + """
            test ! -e /etc/shop/gone.conf
            test ! -e /etc/shop/edited.conf
            test "$(cat /etc/shop/edited.conf.*)" = mine
            if command -v dpkg-query >/dev/null; then
                test "$(dpkg --verify shop)" = ''
                test "$(dpkg-query -W -f '${Conffiles}' shop | grep -c obsolete)" = 0
            fi
        """,
        purged="test ! -e /opt/shop; test ! -e /etc/shop",
    ),
    "directories are symlinks to another disk": Row(
        before="""
            mkdir -p /srv/disk/state /srv/disk/logs /srv/disk/app
            ln -s /srv/disk/state /var/lib/shop
            ln -s /srv/disk/logs /var/log/shop
            ln -s /srv/disk/app /opt/shop
        """,
        installed="""
            test "$(stat -c '%U' /srv/disk/state /srv/disk/logs | uniq)" = shop
            echo data >/var/lib/shop/data
        """,
        upgraded=UPGRADED
        + "test -L /opt/shop; test -L /var/lib/shop; test -e /srv/disk/state/data",
        removed="test -e /srv/disk/state/data",
        purged='test -L /var/lib/shop; test -z "$(ls -A /srv/disk/state)"',
        after="rm -rf /srv/disk",
    ),
    "logs lie in a directory of others": Row(
        before="""
            mkdir -p /srv/logs
            echo theirs >/srv/logs/other.log
            ln -s /srv/logs /var/log/shop
        """,
        removed="test -e /srv/logs/other.log",
        purged="test -L /var/log/shop; grep -q theirs /srv/logs/other.log",
        after="rm -rf /srv/logs /var/log/shop",
    ),
    "/opt is a symlink": Row(
        before="mv /opt '/srv/o pt'; ln -s '/srv/o pt' /opt",
        upgraded=UPGRADED + "test -L /opt",
        purged="test -L /opt; test -d '/srv/o pt'",
        after="rm /opt; mv '/srv/o pt' /opt",
    ),
    "directories are mounts": Row(
        before="""
            for directory in /var/lib/shop /var/log/shop /opt/shop; do
                mkdir $directory
                mount -t tmpfs -o mode=755 shop $directory
            done
        """,
        installed="""
            test "$(stat -c '%U' /var/lib/shop)" = shop
            mkdir -p /var/lib/shop/inner /var/lib/shop/other
            echo data >/var/lib/shop/inner/data
            mount -t tmpfs other /var/lib/shop/other
            echo theirs >/var/lib/shop/other/file
        """,
        upgraded=UPGRADED + "test -e /var/lib/shop/inner/data",
        purged="""
            test "$(find /var/lib/shop -mindepth 1)" = "$(
                printf '%s\n' /var/lib/shop/other /var/lib/shop/other/file)"
        """,
    ),
    "owners and modes": Row(
        between="chown root:adm /var/log/shop; chmod 2750 /var/log/shop",
        upgraded="test \"$(stat -c '%U:%G %a' /var/log/shop)\" = 'root:adm 2750'",
    ),
    "statoverride": Row(
        before="""
            if command -v dpkg-statoverride >/dev/null; then
                dpkg-statoverride --add root adm 2750 /var/log/shop
                dpkg-statoverride --add root '#4' 711 /var/lib/shop
                dpkg-statoverride --add root adm 600 /etc/shop/secret.ini
            else
                mkdir -m 2750 /var/log/shop
                chown root:adm /var/log/shop
            fi
        """,
        installed="test \"$(stat -c '%U:%G %a' /var/log/shop)\" = 'root:adm 2750'",
        upgraded="test \"$(stat -c '%U:%G %a' /var/log/shop)\" = 'root:adm 2750'",
        removed="""
            if command -v dpkg-statoverride >/dev/null; then
                test "$(stat -c '%u:%g %a' /var/lib/shop)" = '0:4 711'
                test "$(stat -c '%U:%G %a' /etc/shop/secret.ini)" = 'root:adm 600'
                dpkg-statoverride --remove /etc/shop/secret.ini
                dpkg-statoverride --remove /var/log/shop
                dpkg-statoverride --remove /var/lib/shop
            fi
        """,
    ),
    "the group exists": Row(
        before="""
            groupadd --gid 777 shop
            mv "$(command -v systemd-sysusers)" /tmp/sysusers || :
        """,
        installed='test "$(id -g shop)" = 777',
        after="[ ! -e /tmp/sysusers ] || mv /tmp/sysusers /usr/bin/systemd-sysusers",
    ),
    "the system account exists": Row(
        before="useradd --system --gid nogroup shop",
        installed='test "$(stat -c %U:%G /var/lib/shop)" = shop:nogroup',
        upgraded=UPGRADED
        + MODES
        + """
            modes secret root:nogroup 640
            modes new shop:nogroup 400
        """,
    ),
    "own files in configuration": Row(
        before="mkdir /etc/shop; echo mine >/etc/shop/mine",
        installed="echo FLAG=1 >/etc/shop/environment; rm /etc/shop/plugins/extra.conf",
        # dpkg keeps a deleted configuration file deleted; rpm brings it again.
        upgraded="[ ! -e /var/lib/dpkg/status ] || test ! -e /etc/shop/plugins/extra.conf",
        purged='test "$(find /etc/shop)" = "$(printf \'%s\\n\' /etc/shop /etc/shop/mine)"',
    ),
    "an edited configuration file": Row(
        between="echo mine >/etc/shop/shop.conf",
        upgraded=UPGRADED
        + """
            cd /etc/shop
            test "$(cat shop.conf)" = mine
            test "$(cat shop.conf.dpkg-dist shop.conf.rpmnew 2>/dev/null)" = 'of version 2'
        """,
    ),
    "configuration that needs no word": Row(
        between="""
            cd /etc/shop
            echo 'of version 2' >agrees.conf
            echo mine >same.conf
            rm deleted.conf
        """,
        upgraded="""
            cd /etc/shop
            test "$(cat agrees.conf same.conf)" = "$(printf 'of version 2\nmine')"
            test ! -e /var/lib/dpkg/status || test ! -e deleted.conf
            test "$(ls | grep -E '^(agrees|same|deleted).*(dpkg|rpm)')" = ''
        """,
    ),
    "configuration that another package diverts": Row(
        before="""
            ! command -v dpkg-divert >/dev/null ||
                dpkg-divert --local --divert /etc/shop/ours.conf --add /etc/shop/shop.conf
        """,
        upgraded="""
            cd /etc/shop
            [ ! -e /var/lib/dpkg/status ] || test ! -e shop.conf
            [ ! -e /var/lib/dpkg/status ] || test "$(cat ours.conf)" = 'of version 2'
        """,
        after="""
            ! command -v dpkg-divert >/dev/null ||
                dpkg-divert --local --divert /etc/shop/ours.conf --remove /etc/shop/shop.conf
        """,
    ),
    "mounts come between": Row(
        installed="mkdir /opt/shop/theirs /var/lib/shop/'the irs'",
        between=THEIRS
        + """
            cp -a /opt/shop/share /srv/share
            mount --bind /srv/share /opt/shop/share
            mount --bind /srv/theirs /opt/shop/theirs
            mount --bind /srv/theirs /var/lib/shop/'the irs'
            mkdir /srv/etc
            cp -a /etc/shop/. /srv/etc/
            mount --bind /srv/etc /etc/shop
        """,
        upgraded=UPGRADED + KINDS + "test $(cat /srv/share/version) = 2",
        removed=THEIRS_STAY + 'test -z "$(find /srv/share -type f)"',
        purged=THEIRS_STAY
        + """
            test "$(ls /var/lib/shop)" = 'the irs'
            test "$(ls -A /opt/shop)" = "$(printf '%s\n' share theirs)"
            test -z "$(ls -A /srv/etc)"
        """,
    ),
    "configuration of the app's own": Row(
        installed=MODES
        + """
            modes secret root:shop 640
            modes closes root:root 644
            modes opens root:shop 640
        """,
        upgraded=UPGRADED
        + MODES
        + """
            modes secret root:shop 640
            modes closes shop:root 600
            modes opens root:root 644
            modes new shop:shop 400
            test "$(cat secret.ini closes.ini | uniq)" = 'of version 2'
        """,
    ),
    "configuration of the app's own, edited": Row(
        between="for name in secret closes; do echo mine >/etc/shop/$name.ini; done",
        upgraded=UPGRADED
        + MODES
        + """
            modes secret root:shop 640
            test "$(cat secret.ini closes.ini | uniq)" = mine
            # What rpm keeps, it keeps as it is.
            if [ -e closes.ini.rpmnew ]; then
                modes closes root:root 644
                test "$(stat -c '%U:%G %a' closes.ini.rpmnew)" = 'shop:root 600'
            else
                modes closes shop:root 600
                test "$(stat -c '%U:%G %a' closes.ini.dpkg-dist)" = 'shop:root 600'
            fi
            modes opens root:root 644
        """,
    ),
    "configuration of the app's own, taken over": Row(
        before="mkdir /etc/shop; echo mine >/etc/shop/opens.ini; chmod 604 /etc/shop/opens.ini",
        installed=MODES + "modes opens root:root 604",
        between="""
            cd /etc/shop
            for name in secret closes; do echo mine >$name.ini; done
            chgrp adm secret.ini
            chmod 660 closes.ini
        """,
        upgraded=UPGRADED
        + MODES
        + """
            modes secret root:adm 640
            modes closes root:root 660
            modes opens root:root 604
        """,
    ),
    "the account is made again": Row(
        between="""
            echo mine >/etc/shop/secret.ini
            userdel shop
            ! getent group shop >/dev/null || groupdel shop
            groupadd --system --gid 777 shop
            useradd --system --uid 777 --gid shop --no-create-home --home-dir /var/lib/shop \
                --shell /usr/sbin/nologin shop
            test "$(stat -c %G /etc/shop/secret.ini)" = UNKNOWN
        """,
        upgraded=UPGRADED
        + MODES
        + """
            modes secret root:shop 640
            test "$(cat secret.ini)" = mine
            modes new shop:shop 400
        """,
    ),
    "the file of the environment is a directory": Row(
        between="mkdir /etc/shop/environment; echo mine >/etc/shop/environment/file",
        purged='test "$(cat /etc/shop/environment/file)" = mine',
        after="rm -r /etc/shop",
    ),
    "configuration is kept elsewhere": Row(
        installed="""
            mkdir /srv/conf
            mv /etc/shop/shop.conf /srv/conf/
            ln -s /srv/conf/shop.conf /etc/shop/
            echo mine >/srv/conf/shop.conf
        """,
        upgraded=UPGRADED + 'test -L /etc/shop/shop.conf; test "$(cat /etc/shop/shop.conf)" = mine',
        removed="test -e /srv/conf/shop.conf",
        purged="test -L /etc/shop/shop.conf; test ! -e /etc/shop/shop.conf.dpkg-new",
        after="rm -rf /srv/conf /etc/shop",
    ),
}

# Stories that do not get into one another's way share a package's life.
WALKS: Mapping[str, tuple[str, ...]] = {
    "plain": (
        "nothing",
        "kinds change",
        "owners and modes",
        "configuration of the app's own",
    ),
    "another account": (
        "/opt is a symlink",
        "logs lie in a directory of others",
        "the system account exists",
        "own files in configuration",
    ),
    "another disk": (
        "directories are symlinks to another disk",
        "the group exists",
        "an edited configuration file",
        "configuration of the app's own, edited",
        "configuration that needs no word",
    ),
    "mounts": (
        "directories are mounts",
        "configuration of the app's own, taken over",
        "configuration is kept elsewhere",
        "the file of the environment is a directory",
    ),
    "another number": ("the account is made again",),
    "mounts between": (
        "mounts come between",
        "statoverride",
        "configuration that another package diverts",
    ),
}
