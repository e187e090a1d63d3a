"""The page at a repository's root: how a person installs from it, and what is in it.

One file without scripts and without anything from elsewhere. All that comes from packages is
escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from omnibuild.events import human_size
from omnibuild.repository import layout
from omnibuild.repository.clients import apt_source, yum_repo
from omnibuild.repository.clients.template import render
from omnibuild.repository.state import Channel, Repository

# Stands for the address where nobody said it at publishing.
UNKNOWN_URL = "https://repository.example"
UNKNOWN_PACKAGE = "PACKAGE"


@dataclass(frozen=True)
class Row:
    """One file in the list of packages; ``place`` says where hosts see it."""

    name: str
    version: str
    architecture: str
    summary: str
    place: str
    size: int
    href: str


def landing_page(record: Repository, channels: Mapping[str, Channel], default: str) -> str:
    """Return the whole page; ``default`` is the channel that the instructions follow."""
    rows = [row for name, content in channels.items() for row in newest(rows_of(name, content))]
    example = next(iter(newest(rows_of(default, channels[default]))), None)
    named = example is not None and not example.href.startswith(layout.DOWNLOADS)
    package = example.name if example and named else UNKNOWN_PACKAGE
    return render(
        "index.html.in",
        {
            "TITLE": escape(record.title),
            "STYLE": render("style.css", {}),
            **_install(record, package),
            **_by_hand(record, default, package),
            "PACKAGES": _packages(rows),
            **_key(record),
        },
    )


def rows_of(channel: str, content: Channel) -> Iterator[Row]:
    """Yield what a channel holds, in the order it was published."""
    for suite in content.suites:
        for deb in content.debs_of(suite):
            href = f"{layout.APT}/{deb.path}"
            yield Row(deb.name, deb.version, deb.architecture, deb.summary, suite, deb.size, href)
    for tree, index in content.trees.items():
        for rpm in content.rpms_of(tree):
            named = [rpm.architecture] if rpm.architecture in index.architectures else []
            directory = layout.yum_directory(channel, tree, (named or index.architectures)[0])
            place = f"{channel}, {tree}"
            href = f"{directory}/{rpm.path}"
            yield Row(rpm.name, rpm.version, rpm.architecture, rpm.summary, place, rpm.size, href)
    for item in content.downloads.values():
        href = layout.download_path(item.name)
        yield Row(item.name, "", "", "Tarball", channel, item.size, href)


def newest(rows: Iterable[Row]) -> list[Row]:
    """Return the row that was published last of each package, architecture and place, by name."""
    last = {(row.name, row.architecture, row.place): row for row in rows}
    return [row for _, row in sorted(last.items())]


def _install(record: Repository, package: str) -> dict[str, str]:
    url = record.base_url or UNKNOWN_URL
    option = "" if record.base_url else f" --url {UNKNOWN_URL}"
    note = f"<p>Write this page's own address for <code>{UNKNOWN_URL}</code>.</p>"
    systems = sorted({system.title for system in record.systems.values()})
    command = f"curl -fsSL {url}/{layout.INSTALLER} | sudo sh -s --{option} {package}"
    return {
        "SYSTEMS": f"<p>For {escape(', '.join(systems))}.</p>" if systems else "",
        "INSTALL_COMMAND": _code(command, "Install with one command"),
        "INSTALLER": layout.INSTALLER,
        "ADDRESS_NOTE": "" if record.base_url else note,
        "PACKAGE": escape(package),
    }


def _by_hand(record: Repository, channel: str, package: str) -> dict[str, str]:
    places = sorted({(s.title, s.place) for s in record.systems.values() if "-" in s.name})
    return {
        "APT_COMMANDS": _code(_apt_commands(record, channel, package), "Commands for apt"),
        "APT_SUITES": "".join(
            f"<p>On {escape(title)} the suite is <code>{escape(channel + place)}</code>.</p>"
            for title, place in places
            if place
        ),
        "DNF_COMMANDS": _code(_dnf_commands(record, channel, package), "Commands for dnf"),
        "TARBALL_COMMANDS": _code(_tarball_commands(record), "Commands for a tarball"),
    }


def _apt_commands(record: Repository, channel: str, package: str) -> str:
    url = record.base_url or UNKNOWN_URL
    keyring = f"/usr/share/keyrings/{record.name}.asc"
    return f"""curl -fsSL {url}/{layout.key_path(record.name, "asc")} | \
sudo tee {keyring} >/dev/null
sudo tee /etc/apt/sources.list.d/{record.name}.sources >/dev/null <<'EOF'
{apt_source.source(url=url, suite=channel, keyring=keyring)}
EOF
sudo tee /etc/apt/preferences.d/{record.name} >/dev/null <<'EOF'
{apt_source.preferences(record.title)}
EOF
sudo apt-get update
sudo apt-get install {package}"""


def _dnf_commands(record: Repository, channel: str, package: str) -> str:
    url = record.base_url or UNKNOWN_URL
    location = f"baseurl={url}/yum/{channel}/el$releasever/$basearch"
    key = f"{url}/{layout.key_path(record.name, 'asc')}"
    repo = yum_repo.repo(name=record.name, title=record.title, location=location, key=key)
    return f"""sudo tee /etc/yum.repos.d/{record.name}.repo >/dev/null <<'EOF'
{repo}
EOF
sudo dnf install {package}"""


def _tarball_commands(record: Repository) -> str:
    downloads = f"{record.base_url or UNKNOWN_URL}/{layout.DOWNLOADS}"
    return f"""curl -fsSLO {downloads}/FILE.tar.zst
curl -fsSL {downloads}/FILE.tar.zst.sha256 | sha256sum --check
tar -xf FILE.tar.zst"""


def _packages(rows: Iterable[Row]) -> str:
    lines = "\n".join(
        f'<tr><th scope="row"><a href="{escape(row.href)}">{escape(row.name)}</a></th>'
        f"<td>{escape(row.version)}</td><td>{escape(row.architecture)}</td>"
        f"<td>{escape(row.place)}</td><td>{escape(row.summary)}</td>"
        f'<td class="number">{human_size(row.size)}</td></tr>'
        for row in rows
    )
    if not lines:
        return '<section><h2 id="packages">Packages</h2><p>None yet.</p></section>'
    return f"""<section aria-labelledby="packages">
<h2 id="packages">Packages</h2>
<div class="scroll" role="region" aria-labelledby="packages" tabindex="0">
<table>
<caption>The newest version of each package</caption>
<thead><tr><th scope="col">Package</th><th scope="col">Version</th>
<th scope="col">Architecture</th><th scope="col">Channel</th><th scope="col">Summary</th>
<th scope="col">Size</th></tr></thead>
<tbody>
{lines}
</tbody>
</table>
</div>
</section>"""


def _key(record: Repository) -> dict[str, str]:
    groups = [record.fingerprint[i : i + 4] for i in range(0, len(record.fingerprint), 4)]
    command = f"gpg --show-keys --with-fingerprint {record.name}.asc"
    return {
        "FINGERPRINT": " ".join(groups),
        "KEY": escape(layout.key_path(record.name, "asc")),
        "KEY_COMMANDS": _code(command, "Show the fingerprint"),
    }


def _code(text: str, label: str) -> str:
    return f'<pre tabindex="0" aria-label="{escape(label)}"><code>{escape(text)}</code></pre>'
