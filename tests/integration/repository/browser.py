"""Debian's Chromium, driven as a person uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

PHONE, DESKTOP = (360, 740), (1280, 800)
# A name that is not this machine's: without HTTPS, pages there get no clipboard of the new kind.
PLAIN_HOST = "packages.test"

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {PLAIN_HOST} 127.0.0.1",
)


class Browser:
    """A window, and what is seen in it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(
        self,
        url: str,
        size: tuple[int, int] = DESKTOP,
        scheme: str = "light",
        *,
        scripts: bool = True,
    ) -> None:
        """Open a page in a window of this size."""
        width, height = size
        self._command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=size == PHONE,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._command("Emulation.setEmulatedMedia", features=features)
        self._command("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.driver.get(url)

    def unfold(self) -> None:
        """Have all in sight that is folded away."""
        self.run("for (const each of document.querySelectorAll('details')) each.open = true")

    def run(self, script: str) -> Any:
        """Run a script as the browser's console does, whatever the page's policy is."""
        return self.driver.execute_script(f"{FUNCTIONS}{script}")

    def eventually(self, script: str, expected: object) -> None:
        """Wait until a script returns what is expected."""
        WebDriverWait(self.driver, 20, poll_frequency=0.05).until(
            lambda _: self.run(script) == expected, f"{script} is not {expected}"
        )

    def all(self, selector: str) -> list[WebElement]:
        """Return the elements that fit a selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def press(self, key: str) -> None:
        """Press a key."""
        ActionChains(self.driver).send_keys(key).perform()

    def clipboard(self) -> str:
        """Return what was copied last; the page is to be of this machine."""
        permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        self._command("Browser.grantPermissions", permissions=permissions)
        script = "navigator.clipboard.readText().then(arguments[arguments.length - 1])"
        return str(self.driver.execute_async_script(script))

    def complaints(self) -> list[str]:
        """Return what the console says, of blocked scripts for example, since it was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def _command(self, name: str, **parameters: object) -> None:
        self.driver.execute_cdp_cmd(name, parameters)


# What pages are asked for more than once.
FUNCTIONS = """
const seen = (selector) => [...document.querySelectorAll(selector)].filter((each) =>
  each.checkVisibility() && each.getBoundingClientRect().width > 1);
const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
const luminance = (color) => numbers(color).slice(0, 3).map((part) => part / 255)
  .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
const ground = (each) => {
  const color = each && getComputedStyle(each).backgroundColor;
  return !each ? "rgb(255, 255, 255)" : (numbers(color)[3] ?? 1) === 1 ? color
    : ground(each.parentElement);
};
const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};
"""


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Start a browser of its own, with a new profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield Browser(driver)
    finally:
        driver.quit()
