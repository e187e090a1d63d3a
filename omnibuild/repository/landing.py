"""The page at a repository's root: how a person installs from it, and what is in it.

One file without scripts and without anything from elsewhere. All that comes from packages is
escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from omnibuild.repository import layout
from omnibuild.repository.state import Channel, Repository

# Stands for the address where nobody said it at publishing.
UNKNOWN_URL = "https://repository.example"
UNKNOWN_PACKAGE = "PACKAGE"
UNITS = ("bytes", "kB", "MB", "GB")

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5a6675; --line: #d9dee5;
  --page: #fbfcfd; --card: #fff; --code: #f1f4f8; --mark: #0b62c4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --soft: #9ba8b8; --line: #2e3947;
  --page: #12171e; --card: #19202a; --code: #10151c; --mark: #7ab7ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", sans-serif; }
main, header, footer { max-width: 56rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 3rem; } footer { color: var(--soft); padding-bottom: 3rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem; }
header p { color: var(--soft); margin: .5rem 0 0; }
a { color: var(--mark); } a:focus-visible, pre:focus-visible, summary:focus-visible {
  outline: 2px solid var(--mark); outline-offset: 2px; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: .5rem;
  padding: .85rem 1rem; overflow-x: auto; margin: .5rem 0 1rem; }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, monospace; font-size: .9rem; }
.fingerprint { overflow-wrap: anywhere; }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .6rem 1rem; margin: .6rem 0; } summary { cursor: pointer; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem; }
th, td { text-align: left; padding: .45rem .75rem .45rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } td.number { text-align: right; white-space: nowrap; }
""".strip()


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
    package = channels[default]
    example = next(iter(newest(rows_of(default, package))), None)
    name = example.name if example and not example.href.startswith(layout.DOWNLOADS) else ""
    body = "\n".join(
        [
            _install(record, name or UNKNOWN_PACKAGE),
            _by_hand(record, default, name or UNKNOWN_PACKAGE),
            _packages(rows),
            _key(record),
        ]
    )
    title = escape(record.title)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: packages</title>
<style>
{STYLE}
</style>
</head>
<body>
<header>
<h1>{title}</h1>
<p>Signed packages for apt, dnf and plain Linux.</p>
</header>
<main>
{body}
</main>
<footer><p>Published with omnibuild.</p></footer>
</body>
</html>
"""


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


def human_size(size: int) -> str:
    """Write a number of bytes for people.

    >>> human_size(999), human_size(1500), human_size(46_300_000)
    ('999 bytes', '1.5 kB', '46.3 MB')
    """
    amount, unit = float(size), 0
    while amount >= 999.95 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {UNITS[unit]}" if unit else f"{size} {UNITS[0]}"


def _install(record: Repository, package: str) -> str:
    url = record.base_url or UNKNOWN_URL
    option = "" if record.base_url else f" --url {UNKNOWN_URL}"
    note = (
        ""
        if record.base_url
        else f"<p>Write this page's own address for <code>{UNKNOWN_URL}</code>.</p>"
    )
    systems = sorted({system.title for system in record.systems.values()})
    known = f"<p>For {escape(', '.join(systems))}.</p>" if systems else ""
    command = f"curl -fsSL {url}/{layout.INSTALLER} | sudo sh -s --{option} {package}"
    return f"""<section aria-labelledby="install">
<h2 id="install">Install</h2>
{known}
{_code(command, "Install with one command")}
<p>The <a href="{layout.INSTALLER}">script</a> holds the signing key, sets up the package manager
and lets it verify everything; upgrades then come with those of the system. Without a package's
name it only sets up the repository.</p>{note}
</section>"""


def _by_hand(record: Repository, channel: str, package: str) -> str:
    url = record.base_url or UNKNOWN_URL
    places = sorted({(s.title, s.place) for s in record.systems.values() if "-" in s.name})
    others = "".join(
        f"<p>On {escape(title)} the suite is <code>{escape(channel + place)}</code>.</p>"
        for title, place in places
        if place
    )
    keyring = f"/usr/share/keyrings/{record.name}.asc"
    apt_text = f"""curl -fsSL {url}/{layout.key_path(record.name, "asc")} | \
sudo tee {keyring} >/dev/null
sudo tee /etc/apt/sources.list.d/{record.name}.sources >/dev/null <<EOF
Types: deb
URIs: {url}/{layout.APT}
Suites: {channel}
Components: {layout.COMPONENT}
Signed-By: {keyring}
EOF
sudo tee /etc/apt/preferences.d/{record.name} >/dev/null <<EOF
Package: *
Pin: release o={record.title}
Pin-Priority: 600
EOF
sudo apt-get update
sudo apt-get install {package}"""
    tree = f"{url}/yum/{channel}/el$releasever/$basearch"
    dnf_text = f"""sudo tee /etc/yum.repos.d/{record.name}.repo >/dev/null <<'EOF'
[{record.name}]
name={record.title}
baseurl={tree}
gpgcheck=1
repo_gpgcheck=1
gpgkey={url}/{layout.key_path(record.name, "asc")}
EOF
sudo dnf install {package}"""
    tar_text = f"""curl -fsSLO {url}/{layout.DOWNLOADS}/FILE.tar.zst
curl -fsSL {url}/{layout.DOWNLOADS}/FILE.tar.zst.sha256 | sha256sum --check
tar -xf FILE.tar.zst"""
    return f"""<section aria-labelledby="by-hand">
<h2 id="by-hand">Or by hand</h2>
<details><summary>apt: Debian and Ubuntu</summary>
{_code(apt_text, "Commands for apt")}{others}</details>
<details><summary>dnf: Enterprise Linux</summary>
{_code(dnf_text, "Commands for dnf")}
<p>New services wait to be started: <code>systemctl enable --now {package}.target</code>.</p>
</details>
<details><summary>Tarball: any Linux, any directory</summary>
<p>Unpacking needs <code>zstd</code>.</p>
{_code(tar_text, "Commands for a tarball")}</details>
</section>"""


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


def _key(record: Repository) -> str:
    groups = [record.fingerprint[i : i + 4] for i in range(0, len(record.fingerprint), 4)]
    path = layout.key_path(record.name, "asc")
    return f"""<section aria-labelledby="key">
<h2 id="key">Signing key</h2>
<p class="fingerprint"><code>{" ".join(groups)}</code></p>
<p>Everything here is signed with <a href="{escape(path)}">this key</a>. Compare its fingerprint
with what the publisher told you elsewhere:</p>
{_code(f"gpg --show-keys --with-fingerprint {record.name}.asc", "Show the fingerprint")}
</section>"""


def _code(text: str, label: str) -> str:
    return f'<pre tabindex="0" aria-label="{escape(label)}"><code>{escape(text)}</code></pre>'
