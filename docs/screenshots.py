"""Draws the pictures of the page in this folder: `python docs/screenshots.py`, with Chromium installed.

It starts `scrubjay dashboard` over the memory of a person who does not exist.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from demo_person import USER, remember_mara
from scrubjay import Memory

HERE = Path(__file__).parent
WIDE = {"width": 1100, "height": 820}
PHONE = {"width": 390, "height": 820}
COLOURS = 128


@contextmanager
def page_of_mara() -> Iterator[str]:
    """Give the address that opens her page once."""
    with tempfile.TemporaryDirectory(prefix="scrubjay-screenshots-") as home:
        with Memory(home, extractor="none", maintenance=False) as memory:
            remember_mara(memory.engine)
        command = [sys.executable, "-m", "scrubjay_server", "dashboard", "--no-browser"]
        settings = {"SCRUBJAY_DATA_DIR": home, "SCRUBJAY_USER_ID": USER, "SCRUBJAY_EXTRACTOR": "none"}
        with subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True) as server:
            try:
                address = re.search(r"http\S+", server.stdout.readline() if server.stdout else "")
                yield address.group() if address else ""
            finally:
                server.terminate()


def main() -> None:
    """Draw all of them."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with page_of_mara() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        light = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]  # a size
        page = light.new_page()
        page.goto(address)
        page.locator(".proofs > summary").first.click()
        page.locator(".proofs > summary").first.evaluate("each => each.blur()")
        page.screenshot(path=HERE / "page-light.png")
        page.goto(f"{address.split('?')[0]}/connections")
        page.locator(".canvas").screenshot(path=HERE / "page-graph.png")
        _others(browser, light, address.split("?")[0])
        browser.close()
    for picture in HERE.glob("page-*.png"):
        _made_small(picture)


def _others(browser: Browser, signed_in: BrowserContext, page: str) -> None:
    state = signed_in.storage_state()
    dark = browser.new_context(viewport=WIDE, color_scheme="dark", storage_state=state)  # type: ignore[arg-type]
    opened = dark.new_page()
    opened.goto(f"{page}/past")
    opened.get_by_role("link", name="History of").first.click()
    opened.screenshot(path=HERE / "page-dark.png")
    phone = browser.new_context(viewport=PHONE, is_mobile=True, device_scale_factor=2, storage_state=state)  # type: ignore[arg-type]
    opened = phone.new_page()
    opened.goto(f"{page}/search?q=Where+does+Mara+live%3F")
    opened.screenshot(path=HERE / "page-phone.png")


def _made_small(picture: Path) -> None:
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


if __name__ == "__main__":
    main()
