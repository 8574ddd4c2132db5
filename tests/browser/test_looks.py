"""Every page, looked at by axe, in light and dark, on a phone, and under its Content-Security-Policy."""

from importlib.resources import files

import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import Seen, Site

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
PATHS = ("", "/search?q=park", "/memories?category=project", "/memories?words=1", "/memories?entity=Jonas", "/past",
         "/waiting", "/connections", "/growth", "/data")  # fmt: skip
SERIOUS = {"serious", "critical"}


def findings(page: Page) -> list[str]:
    """Return what axe finds serious or critical; what is folded away is opened first, so that it looks there too."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.evaluate(AXE)
    found = page.evaluate("axe.run()")
    return [
        f"{page.url}: {each['id']} at {each['nodes'][0]['target']}: {each['nodes'][0]['failureSummary']}"
        for each in found["violations"]
        if each["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(browser: Browser, site: Site, seen: Seen, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
    page = seen.watch(context.new_page())
    page.goto(site.way_in())
    found: list[str] = []
    for path in PATHS:
        page.goto(f"{site.url}/dashboard{path}")
        found += findings(page)
    page.goto(f"{site.url}/dashboard/past")
    page.get_by_role("link", name="History of").first.click()
    found += findings(page)
    page.get_by_role("button", name="Forget").first.click()
    found += findings(page)
    page.get_by_role("button", name="Yes, forget it").click()
    found += findings(page)
    assert seen.complaints == []
    for path in ("/nowhere", "/memories/nonsense", "/sign-in"):
        page.goto(f"{site.url}/dashboard{path}")
        found += findings(page)
    page.goto(f"{site.url}/dashboard")
    page.get_by_role("button", name="Sign out").click()
    found += findings(page)
    context.close()
    assert found == []


def test_axe_finds_nothing_serious_where_a_token_is_asked_for(browser: Browser, site: Site, token: str) -> None:
    assert token
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{site.url}/dashboard")
    expect(page.get_by_label("Token")).to_be_focused()
    assert findings(page) == []
    context.close()


def test_it_is_dark_for_whoever_likes_it_dark(browser: Browser, site: Site) -> None:
    colours = []
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]  # one of its words
        page = context.new_page()
        page.goto(site.way_in())
        colours.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    assert colours == ["rgb(250, 248, 244)", "rgb(21, 25, 30)"]


def test_nothing_is_wider_than_a_phone(browser: Browser, site: Site) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 740}, is_mobile=True, device_scale_factor=2)
    page = context.new_page()
    page.goto(site.way_in())
    for path in PATHS:
        page.goto(f"{site.url}/dashboard{path}")
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
    context.close()


def test_the_policy_lets_nothing_in_that_is_not_ours(page: Page, seen: Seen) -> None:
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            script.textContent = "document.title = 'taken'";
            document.body.append(script);
            const image = document.createElement("img");
            image.src = "http://127.0.0.1:9/x.png";
            document.body.append(image);
            document.body.setAttribute("style", "display: none");
        }"""
    )
    refused = "document.querySelector('form.leave').setAttribute('onclick', 'document.title = \"taken\"')"
    page.evaluate(refused)
    expect(page.locator("main")).to_be_visible()
    assert page.title() == "What I know about you"
    assert len([said for said in seen.complaints if "Content Security Policy" in said]) >= 3
    seen.complaints.clear()
    seen.asked = {address for address in seen.asked if ":9/" not in address}


def test_every_page_stays_with_its_own_host_and_complains_about_nothing(page: Page, site: Site, seen: Seen) -> None:
    for path in PATHS:
        page.goto(f"{site.url}/dashboard{path}", wait_until="networkidle")
    assert seen.asked == {site.url}
