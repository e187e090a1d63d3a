import re

import pytest

from omnibuild.errors import DefinitionError
from omnibuild.host.integration import integrate
from omnibuild.host.programs import Call, EntryPoint, Installed
from omnibuild.tree import Entry, Kind

from .apps import CHECKOUT, INSTALLED, SHAPES, integrated, recipe, scripts, text

UNITS = "/usr/lib/systemd/system"


def test_a_command_alone_brings_no_user_and_no_services() -> None:
    host = integrated(recipe(web=None, commands={"greet": "hello"}))
    assert set(host.files) == {
        "/opt/shop/bin/greet",
        "/opt/shop/bin/shop-run",
        "/opt/shop/libexec/container",
        "/opt/shop/libexec/environment",
    }
    assert host.symlinks == {"/usr/bin/greet": "/opt/shop/bin/greet"}
    assert host.config_files == ()
    assert set(host.scripts["deb"]) == {"postrm"}
    assert set(host.scripts["rpm"]) == {"postun"}
    assert "systemctl" not in "".join(scripts(host).values())


def test_without_a_proxy_the_server_listens_itself() -> None:
    host = integrated(recipe())
    assert 'bind="${SHOP_LISTEN:-127.0.0.1:8080}"' in text(host, "/opt/shop/bin/shop-web")
    assert f"{UNITS}/shop-nginx.service" not in host.files
    assert host.config_files == ()


def test_behind_a_proxy_it_has_a_socket() -> None:
    host = integrated(recipe(web={"server": "gunicorn", "app": "shop:app", "proxy": "nginx"}))
    assert 'bind="unix:$SHOP_RUNTIME/web.sock"' in text(host, "/opt/shop/bin/shop-web")
    conf = text(host, "/etc/shop/nginx.conf")
    assert [line for line in conf.splitlines() if "listen" in line] == [
        "        listen 127.0.0.1:8080;"
    ]
    assert host.config_files == ("/etc/shop/nginx.conf",)
    assert text(host, "/opt/shop/etc/nginx.conf") == conf


@pytest.mark.parametrize("proxy", [None, "nginx"])
def test_only_the_front_may_bind_a_low_port(proxy: str | None) -> None:
    web = {"server": "gunicorn", "app": "shop:app", "proxy": proxy, "listen": "0.0.0.0:80"}
    services = {"work": {"command": "worker"}}
    host = integrated(recipe(web=web, services=services))
    able = {
        path
        for path in host.files
        if path.endswith(".service") and "CAP_NET_BIND_SERVICE" in text(host, path)
    }
    assert able == {f"{UNITS}/shop-{'nginx' if proxy else 'web'}.service"}
    high = integrated(recipe(web=web | {"listen": "0.0.0.0:1024"}, services=services))
    assert "CAP_" not in "".join(text(high, p) for p in high.files if p.endswith(".service"))


@pytest.mark.parametrize("name", ["web", "nginx"])
def test_a_service_may_be_called_as_a_server(name: str) -> None:
    host = integrated(recipe(web=None, services={name: {"command": "worker"}}))
    unit = text(host, f"{UNITS}/shop-{name}.service")
    assert "Type=exec" in unit
    assert "ExecReload" not in unit
    runner = text(host, "/opt/shop/bin/shop-run")
    assert f'"$root/bin/shop-{name}" &' in runner
    assert "nginx.conf" not in runner


def test_summary_cannot_break_out_of_its_line() -> None:
    host = integrated(recipe(app={"summary": "100% of it \\"}))
    assert "Description=100%% of it \n" in text(host, f"{UNITS}/shop.target")


def test_names_that_systemd_does_not_take() -> None:
    host = integrated(recipe("c++", package={"user": "cpp"}))
    assert f"{UNITS}/cplusplus.target" in host.files
    assert "ExecStart=/opt/c++/bin/c++-web" in text(host, f"{UNITS}/cplusplus-web.service")
    assert "C___STATE" in text(host, "/opt/c++/libexec/environment")


def test_variables_follow_moved_configuration() -> None:
    wanted = recipe(
        config={"/etc/shop/shop.toml": "x"},
        environment={"SHOP_CONFIG": "/etc/shop/shop.toml", "SHOP_MODE": "fast"},
    )
    host = integrated(wanted, config={"/etc/shop/shop.toml": b"x"})
    runner = text(host, "/opt/shop/bin/shop-run")
    assert "SHOP_CONFIG=$etc/shop.toml" in runner
    assert "SHOP_MODE" not in runner
    assert "SHOP_MODE=fast" in text(host, "/opt/shop/libexec/environment")


@pytest.mark.parametrize(
    "tables",
    [
        {"commands": {"shop-web": "hello"}},
        {"commands": {"shop-run": "hello"}},
        {"services": {"run": {"command": "worker"}}},
        {"commands": {"hello": "helo"}},
        {"services": {"work": {"command": "workr --fast"}}},
    ],
)
def test_refuses(tables: dict[str, object]) -> None:
    with pytest.raises(DefinitionError):
        integrated(recipe(**tables))


def test_refuses_two_config_files_of_one_name() -> None:
    config = {"/etc/shop/a/x.toml": "x", "/etc/shop/b/x.toml": "x"}
    with pytest.raises(DefinitionError):
        integrated(recipe(config=config), config=dict.fromkeys(config, b""))


def test_launchers_trust_nothing_of_the_caller() -> None:
    host = integrated(recipe(commands={"greet": "hello"}))
    for path, file in host.files.items():
        if "/bin/" in path:
            assert file.mode == 0o755
            assert b"unset LD_LIBRARY_PATH LD_PRELOAD PYTHONEXECUTABLE PYTHONHOME" in file.content


def test_everybody_looks_for_the_certificates_of_hosts_in_the_same_places() -> None:
    launchers = text(integrated(recipe()), "/opt/shop/libexec/environment")
    openssl = (CHECKOUT / "software/openssl-places.patch").read_text()
    places = re.findall(r"^ +(/(?:etc|var)/\S+\.(?:crt|pem))", launchers, re.MULTILINE)
    assert places == re.findall(r'^\+ +"(/\S+\.(?:crt|pem))",', openssl, re.MULTILINE)
    assert len(places) == 6


def test_additions_are_offered_only_where_the_recipe_says_so() -> None:
    offered = integrated(SHAPES["additions"])
    assert offered.symlinks == {"/usr/bin/shop-pip": "/opt/shop/bin/shop-pip"}
    assert "SHOP_ADDITIONS=$state/additions" in text(offered, "/opt/shop/bin/shop-run")
    # Whoever installs stays root: the app's user must not write what others run.
    assert "setuid" in text(offered, "/opt/shop/bin/shop-web")
    assert "setuid" not in text(offered, "/opt/shop/bin/shop-pip")
    plain = integrated(recipe())
    assert not [path for path in {*plain.files, *plain.symlinks} if "pip" in path or ".pth" in path]
    assert "additions" not in "".join(scripts(plain).values()).lower()


def test_every_app_has_variables_of_its_own() -> None:
    one, other = integrated(recipe("shop")), integrated(recipe("7-zip", package={"user": "z"}))
    assert "SHOP_STATE=/var/lib/shop" in text(one, "/opt/shop/libexec/environment")
    assert "_7_ZIP_STATE=/var/lib/7-zip" in text(other, "/opt/7-zip/libexec/environment")


@pytest.mark.parametrize("target", ["shop", "shop:", "shop: run", "os:system('x')", "a:b;c"])
def test_a_malformed_entry_point_hurts_who_asks_for_it(target: str) -> None:
    installed = Installed({"shop": target, "other": "other:run [extra]"})
    with pytest.raises(DefinitionError, match="does not say which function") as caught:
        installed.call("shop")
    assert target in caught.value.why
    assert installed.call("other --fast") == Call(EntryPoint("other:run"), ("--fast",))


@pytest.mark.parametrize(
    ("web", "said"),
    [
        ({"server": "gunicorn", "app": "shp:app"}, "`web.app` is the module shp"),
        ({"server": "uvicorn", "app": "shop.web:app"}, "`web.app` is the module shop.web"),
        ({"server": "own", "command": "serve --fd 3", "socket": True}, "no program called 'serve'"),
    ],
)
def test_what_would_be_served_is_there(web: dict[str, object], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        integrated(recipe(web=web))


@pytest.mark.parametrize("server", ["gunicorn", "uvicorn"])
def test_the_server_itself_is_there(server: str) -> None:
    wanted = recipe(web={"server": server, "app": "shop:app"})
    with pytest.raises(DefinitionError, match=f"is the module {server}, which the app does not"):
        integrate(wanted, {}, {}, Installed(modules={"shop"}))


def test_a_command_called_as_its_program_has_its_launcher_beside_it() -> None:
    host = integrated(recipe(web=None, commands={"valkey-cli": "valkey-cli -p 7"}))
    assert host.symlinks == {"/usr/bin/valkey-cli": "/opt/shop/libexec/valkey-cli"}
    assert 'exec "$root"/bin/valkey-cli -p 7 "$@"' in text(host, "/opt/shop/libexec/valkey-cli")
    runner = text(host, "/opt/shop/bin/shop-run")
    assert 'valkey-cli) run "$root/libexec/valkey-cli" "$@" ;;' in runner


def test_timers_alone_have_a_target_and_a_user() -> None:
    timers = {"tidy": {"command": "worker", "calendar": "daily"}}
    host = integrated(recipe(web=None, timers=timers))
    assert "Wants=shop-tidy.timer\n" in text(host, f"{UNITS}/shop.target")
    assert "User=shop\n" in text(host, f"{UNITS}/shop-tidy.service")
    assert "/usr/lib/sysusers.d/shop.conf" in host.files
    both = recipe(web=None, services={"work": {"command": "worker"}}, timers=timers)
    assert "timers need systemd" in text(integrated(both), "/opt/shop/bin/shop-run")


PRIVATE = {
    "/etc/shop/shop.toml": "x",
    "/etc/shop/secret.ini": {"source": "x", "mode": "0640", "group": "shop"},
    "/etc/cron.daily/shop": {"source": "x", "mode": "0755"},
}


def test_what_not_everybody_may_read_is_there_once() -> None:
    contents = dict.fromkeys(PRIVATE, b"#!/bin/sh\n")
    host = integrated(recipe(config=PRIVATE), config=contents)
    kept = {path for path, file in host.files.items() if file.content == b"#!/bin/sh\n"}
    assert kept == {*PRIVATE, "/opt/shop/etc/shop.toml", "/opt/shop/etc/shop"}
    assert host.copies == {"/etc/shop/secret.ini": "etc/secret.ini"}
    secret = host.files["/etc/shop/secret.ini"]
    assert (secret.owner, secret.group, secret.mode) == ("root", "shop", 0o640)
    assert host.files["/opt/shop/etc/shop"].mode == 0o755
    line = "root shop 640 /etc/shop/secret.ini\n"
    # The deb's writer says them there.
    assert "\n    lay_configuration\n" in host.scripts["deb"]["postinst"]
    assert line in host.scripts["rpm"]["post"]


def test_rpm_gives_files_their_owners_itself() -> None:
    host = integrated(recipe(config={"/etc/shop/x": "x"}), config={"/etc/shop/x": b""})
    assert "configuration" not in "".join(host.scripts["rpm"].values())


def test_what_a_boot_reads_is_applied_before_anything_starts() -> None:
    files = {
        "/usr/lib/tmpfiles.d/shop's.conf": "a",
        "/usr/lib/sysctl.d": {"source": "b", "formats": ["rpm"]},
        "/usr/lib/udev/rules.d/70-shop.rules": "c",
    }
    paths = ("tmpfiles.d/shop's.conf", "sysctl.d/60-shop.conf", "sysctl.d/x", "udev/rules.d/70")
    own = [Entry(f"usr/lib/{path}", Kind.FILE, 0o644) for path in paths]
    made = integrate(recipe(files=files), {"prepare": ":"}, {}, INSTALLED, own).scripts
    for script in (made["deb"]["postinst"], made["rpm"]["post"], made["apk"]["post-install"]):
        assert "systemd-tmpfiles --create 'shop'\"'\"'s.conf' || say" in script
        assert re.search(r"^ *apply_files$.*/libexec/prepare$", script, re.MULTILINE | re.DOTALL)
    assert "systemd-sysctl" not in made["deb"]["postinst"]
    assert "/lib/systemd/systemd-sysctl 60-shop.conf || say" in made["rpm"]["post"]
    assert "apply_files" not in "".join(scripts(integrated(recipe())).values())


@pytest.mark.parametrize("capabilities", ["", "cap_net_raw=ep"])
def test_only_capabilities_want_who_gives_them(capabilities: str) -> None:
    file = {"source": "probe", "group": "shop", "capabilities": capabilities}
    app = recipe(files={"/opt/shop/bin/probe": file})
    own = [Entry("opt/shop/bin/probe", Kind.FILE, 0o755)]
    postinst = integrate(app, {}, {}, INSTALLED, own).scripts["deb"]["postinst"]
    assert 'chown -h "$owner:$group" "$path"' in postinst
    assert ("setcap" in postinst) == bool(capabilities)
