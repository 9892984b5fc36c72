"""What one client may ask of the gateway: rate, body, other sites' pages; and how it fails."""

import asyncio

import httpx
import pytest
from gateway_rig import ask, gateway
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import PlainTextResponse

from stream.config import Settings
from stream.gateway.limits import Buckets, RateLimit, client_of
from stream.gateway.metrics import Metrics
from stream.store import StoreError
from stream.store.history import History

WARD = "https://ward.example"


class Tokens:
    """A bucket as the textbook has it: tokens that drip in."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.tokens, self.last = rate, burst, burst, 0.0

    def take(self, now):
        self.tokens = min(self.burst, self.tokens + (now - self.last) * self.rate)
        self.last = now
        if self.tokens >= 1:
            self.tokens -= 1
            return True
        return False


@given(
    st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0, 8.0]),  # powers of two: both compute exactly
    st.integers(1, 8),
    st.lists(st.integers(0, 8).map(lambda n: n / 8), max_size=60),
)
def test_a_client_gets_what_a_token_bucket_gives(rate, burst, gaps):
    """Against the textbook's bucket."""
    buckets, tokens, now = Buckets(rate, burst), Tokens(rate, burst), 0.0
    for gap in gaps:
        now += gap
        assert (buckets.take("a", now) == 0) == tokens.take(now)


def test_a_refused_client_is_told_when_to_come_back():
    """Not before, and then it is served."""
    buckets = Buckets(rate=2.0, burst=1)
    assert buckets.take("a", 10.0) == 0
    wait = buckets.take("a", 10.1)
    assert wait == pytest.approx(0.4)
    assert buckets.take("a", 10.1 + wait / 2) > 0
    assert buckets.take("a", 10.5) == 0


def test_one_client_costs_another_nothing_and_the_table_is_bounded():
    """The one not heard for longest leaves."""
    buckets = Buckets(rate=1.0, burst=1, most=3)
    assert [buckets.take(name, 0.0) for name in "abcde"] == [0.0] * 5
    assert len(buckets) == 3
    assert buckets.take("e", 0.0) > 0
    assert buckets.take("a", 0.0) == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_an_ipv6_network_is_one_client(one, other, same):
    """Whoever has a /64 has 2^64 addresses to ask from."""
    assert (client_of({"client": (one, 1)}) == client_of({"client": (other, 2)})) is same
    assert client_of({"client": None}) == ""


def test_who_asks_too_often_gets_429_and_is_served_again_after_retry_after():
    """Problem details, counted in the metrics; the clock is ours."""
    now, metrics = [0.0], Metrics()
    limited = RateLimit(PlainTextResponse("ok"), Buckets(0.5, 1), metrics, lambda: now[0])

    async def scene():
        transport = httpx.ASGITransport(limited)
        async with httpx.AsyncClient(transport=transport, base_url="http://beatwire") as client:
            first, second = await client.get("/"), await client.get("/")
            now[0] += int(second.headers["retry-after"])
            return first, second, await client.get("/")

    first, second, third = asyncio.run(scene())
    assert [first.status_code, second.status_code, third.status_code] == [200, 429, 200]
    assert second.json()["code"] == "too_many_requests"
    assert second.headers["content-type"] == "application/problem+json"
    assert metrics.limited_total == 1


def test_the_gateway_keeps_to_its_setting(tmp_path):
    """Half a request a second: the second one at once is too early."""

    async def scene():
        async with (
            gateway(tmp_path, requests_per_second=0.5) as server,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client,
        ):
            return [(await client.get("/health")).status_code for _ in range(2)]

    assert asyncio.run(scene()) == [200, 429]


def test_by_default_a_client_may_ask_a_thousand_times_a_second():
    """Five times the promised load of /predict."""
    buckets = Buckets(Settings().requests_per_second, 1.0)
    assert not any(buckets.take("a", n / 1000) for n in range(20_000))


def test_a_body_above_the_limit_is_refused_whether_it_says_so_or_not(tmp_path):
    """With a Content-Length before it is read, without one as soon as it is too much."""

    async def chunks():
        for _ in range(40):
            yield b" " * 100

    for body in (b" " * 4000, chunks()):
        path = "/v1/patients/p1/pause"
        headers = {"Content-Type": "application/json"}
        got = ask(
            tmp_path, "POST", path, headers=headers, content=body, settings={"max_body_bytes": 1000}
        )
        assert (got.status_code, got.json()["code"]) == (413, "too_large")
        assert got.json()["limit"] == "1000 bytes"


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "x"])
def test_a_body_of_another_media_type_gets_415(tmp_path, media):
    """A form that a foreign page may send without asking is no command either."""
    headers = {"Content-Type": media}
    path = "/v1/patients/p1/pause"
    got = ask(tmp_path, "POST", path, headers=headers, content=b'{"by": "n"}')
    assert (got.status_code, got.json()["code"]) == (415, "unsupported_media_type")
    assert got.json()["limit"] == "application/json"


def test_a_wrong_method_gets_405_with_the_right_ones(tmp_path):
    """As RFC 9110 asks for, in the one form of errors."""
    for path, methods in (("/v1/alarms", "GET"), ("/v1/feedback", "GET, POST"), ("/", "GET")):
        got = ask(tmp_path, "DELETE", path)
        assert (got.status_code, got.json()["code"]) == (405, "method_not_allowed")
        assert got.headers["allow"] == methods


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [(RuntimeError("secret"), 500, "internal_error"), (StoreError("x"), 503, "store_unavailable")],
)
def test_a_failure_of_ours_shows_no_traceback(tmp_path, monkeypatch, error, status, code):
    """Problem details without what only the log may say."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(History, "audit", fail)
    got = ask(tmp_path, "GET", "/v1/audit")
    assert (got.status_code, got.json()["code"]) == (status, code)
    assert got.headers["content-type"] == "application/problem+json"
    assert "secret" not in got.text
    assert "Traceback" not in got.text


# ── Other sites' pages ────────────────────────────────────────────────────────────────────────


def test_no_other_site_is_let_in_by_default(tmp_path):
    """A browser's preflight is not answered as it would need to be."""
    ask_first = {"Origin": WARD, "Access-Control-Request-Method": "POST"}
    got = ask(tmp_path, "OPTIONS", "/v1/patients/p1/pause", headers=ask_first)
    assert "access-control-allow-origin" not in got.headers
    assert ask(tmp_path, "GET", "/v1/alarms", headers={"Origin": WARD}).status_code == 403


def test_the_sites_of_the_setting_are_let_in_and_no_others(tmp_path):
    """Preflight, question and command; an error can be read by the page, too."""
    settings = {"cors_origins": f"https://other.example, {WARD}/"}
    ask_first = {
        "Origin": WARD,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    path = "/v1/patients/p1/pause"
    preflight = ask(tmp_path, "OPTIONS", path, headers=ask_first, settings=settings)
    assert preflight.status_code == 200
    for method, body, status in (("POST", {"by": "n"}, 202), ("POST", {}, 422)):
        origin = {"Origin": WARD}
        got = ask(tmp_path, method, path, headers=origin, json=body, settings=settings)
        assert got.status_code == status
        assert got.headers["access-control-allow-origin"] == WARD
    foreign = {"Origin": "https://ward.example.evil.example"}
    got = ask(tmp_path, "GET", "/v1/alarms", headers=foreign, settings=settings)
    assert got.status_code == 403
    assert "access-control-allow-origin" not in got.headers


def test_any_site_at_all_is_not_a_choice():
    """A page that somebody happens to open must not be able to silence an alarm."""
    with pytest.raises(ValueError, match="name the sites"):
        Settings(cors_origins="*")
