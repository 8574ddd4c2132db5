"""Who is signed in to the page, and for how long."""

from scrubjay_server.dashboard.changing import inside
from scrubjay_server.dashboard.sessions import IDLE_S, Codes, Sessions


class Seconds:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at


def test_a_cookie_brings_its_session_and_no_other_cookie_does() -> None:
    sessions = Sessions()
    cookie = sessions.open("one")
    found = sessions.find(cookie)
    assert found is not None
    assert found.token_id == "one"  # noqa: S105 - an id
    assert len(cookie) >= 43
    assert found.form_key not in cookie
    assert [sessions.find(other) for other in ("", cookie[:-1], cookie.swapcase(), "🔑")] == [None] * 4
    sessions.close(cookie)
    assert sessions.find(cookie) is None


def test_a_session_ends_when_nobody_asks_for_twelve_hours() -> None:
    seconds = Seconds()
    sessions = Sessions(now=seconds.now)
    cookie, other = sessions.open("one"), sessions.open("other")
    seconds.at = IDLE_S - 1
    assert sessions.find(cookie)
    seconds.at += IDLE_S - 1
    assert sessions.find(cookie)
    assert sessions.find(other) is None
    seconds.at += IDLE_S
    assert sessions.find(cookie) is None


def test_of_too_many_sessions_the_quietest_goes() -> None:
    sessions = Sessions(most=2)
    first, second = sessions.open("1"), sessions.open("2")
    sessions.find(first)
    sessions.open("3")
    assert sessions.find(first)
    assert sessions.find(second) is None


def test_nobody_signs_others_out_by_signing_in_again_and_again() -> None:
    sessions = Sessions()
    ana = sessions.open("ana")
    cookies = [sessions.open("ben") for _ in range(1_500)]
    assert sessions.find(ana)
    assert [cookie for cookie in cookies if sessions.find(cookie)] == cookies[-20:]


def test_a_code_is_good_once_and_only_as_it_was_issued() -> None:
    codes = Codes()
    code, other = codes.issue(), codes.issue()
    assert [codes.redeem(wrong) for wrong in ("", code[:-1], f"{code}x", "ключ")] == [False] * 4
    assert codes.redeem(code)
    assert not codes.redeem(code)
    assert codes.redeem(other)


def test_of_codes_that_nobody_uses_the_oldest_are_worth_nothing() -> None:
    codes = Codes()
    first = codes.issue()
    later = [codes.issue() for _ in range(16)]
    assert not codes.redeem(first)
    assert all(codes.redeem(code) for code in later)


def test_a_way_back_leads_nowhere_else() -> None:
    assert inside("/dashboard/memories?category=goal#m-x") == "/dashboard/memories?category=goal"
    for elsewhere in (
        "",
        "//evil.example/dashboard",
        "https://evil.example/dashboard",
        "/dashboardish",
        "/dashboard/../mcp",
        "/dashboard\\@evil.example",
        "/dashboard\r\nSet-Cookie: x=y",
        "javascript:alert(1)",
        "/mcp",
        "/dashboard/м",
    ):
        assert inside(elsewhere) in {"", "/dashboard?"}, elsewhere
