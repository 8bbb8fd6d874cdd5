"""The carriers' signatures: what their own packages sign is let in, and nothing of which one part was changed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace
from plivo.utils import validate_v3_signature
from telnyx.lib import webhook_verification
from twilio.request_validator import RequestValidator

from server.door import genesys, plivo, telnyx, twilio, vonage
from server.door.request import MAX_FIELDS, Refused, Request
from tests.unit.server.door import signers
from tests.unit.server.door.signers import NOW_S, SITE, SOCKET, TOKEN

Check = Callable[[Request], object]


def with_headers(request: Request, **headers: str) -> Request:
    """The same with other headers (`_` is `-`); an empty one is taken away."""
    changed = request.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={name: value for name, value in changed.items() if value})


def flipped(text: str, at: int) -> str:
    """The same with one character changed."""
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def altered(request: Request, *headers: str) -> Iterator[Request]:
    """The same with one byte changed, at the beginning, in the middle and at the end of each part that is signed."""
    for name in headers:
        value = request.headers[name]
        for at in (0, len(value) // 2, len(value.rstrip("=:")) - 2):
            yield with_headers(request, **{name: flipped(value, at)})
        yield with_headers(request, **{name: ""})
        yield with_headers(request, **{name: value[:-1]})
        yield with_headers(request, **{name: value + "A"})
        yield with_headers(request, **{name: f"{value}, {value[::-1]}"})
        yield with_headers(request, **{name: "\udcff\udc00"})


def altered_place(request: Request) -> Iterator[Request]:
    """The same at another address."""
    for at in range(1, len(request.target)):
        yield replace(request, target=flipped(request.target, at))
    yield replace(request, target=request.target + "/")
    yield replace(request, target=f"{request.target}{'&' if '?' in request.target else '?'}more=1")
    yield replace(request, base=request.base.replace("voice", "other"))
    yield replace(request, base="http" + request.base.partition(":")[2])


def altered_body(request: Request) -> Iterator[Request]:
    """The same with one byte of its body changed."""
    for at, byte in enumerate(request.body):
        yield replace(request, body=request.body[:at] + bytes([byte ^ 1]) + request.body[at + 1 :])
    yield replace(request, body=request.body + b"&more=1")
    yield replace(request, body=b"")


def all_refused(check: Check, requests: Iterator[Request], at_least: int) -> None:
    """None of them is let in; the reasons tell nothing of the request or of the secret."""
    count = 0
    for request in requests:
        with pytest.raises(Refused) as caught:
            check(request)
        assert "\n" not in str(caught.value)
        assert TOKEN not in str(caught.value)
        count += 1
    assert count >= at_least


# --- Twilio -----------------------------------------------------------------------------------------------------------

CALL = [("CallSid", "CA1"), ("From", "+1 555"), ("To", "+49ü"), ("Empty", ""), ("Twice", "b"), ("Twice", "a")]


def by_twilio(request: Request) -> None:
    """The check."""
    twilio.check(request, TOKEN)


@pytest.mark.parametrize("base", [SITE, SOCKET, f"{SITE}:8443", f"{SOCKET}:443", "http://127.0.0.1:8080"])
@pytest.mark.parametrize("target", ["/twilio", "/twilio/voice?a=1&b=%20x", "/"])
@pytest.mark.parametrize("form", [None, [], CALL])
def test_what_twilio_signs_is_let_in(base: str, target: str, form: list[tuple[str, str]] | None) -> None:
    by_twilio(signers.twilio(base, target, form))


@pytest.mark.parametrize(
    ("signed", "ours"),
    [
        (f"{SITE}:443", SITE),
        (f"{SOCKET}:443", SOCKET),
        (SITE, f"{SITE}:443"),
        (SOCKET, f"{SOCKET}:8443"),
        ("http://[::1]", "http://[::1]:80"),
    ],
)
def test_twilio_may_sign_with_the_port_or_without(signed: str, ours: str) -> None:
    request = replace(signers.twilio(signed, "/twilio", CALL), base=ours)
    by_twilio(request)
    if "[" not in ours and "wss" not in ours:  # the package takes no IPv6, and 80 for the port of wss
        fields = signers.Many({name: [v for n, v in CALL if n == name] for name, _ in CALL})
        assert RequestValidator(TOKEN).validate(request.url, fields, request.headers["x-twilio-signature"])


def test_a_body_that_is_no_form_has_its_hash_in_the_query() -> None:
    body = b'{"a": 1}'
    target = f"/twilio/status?x=1&bodySHA256={hashlib.sha256(body).hexdigest()}"
    request = signers.twilio(SITE, target, body=body)
    by_twilio(request)
    assert RequestValidator(TOKEN).validate(request.url, body.decode(), request.headers["x-twilio-signature"])
    all_refused(by_twilio, altered_body(request), 8)
    all_refused(by_twilio, iter([signers.twilio(SITE, "/twilio/status", body=body)]), 1)
    all_refused(by_twilio, iter([signers.twilio(SITE, f"{target}&bodySHA256=0", body=body)]), 1)


def test_nothing_of_a_twilio_webhook_can_be_changed() -> None:
    request = signers.twilio(SITE, "/twilio/voice?a=1", CALL)
    all_refused(by_twilio, altered(request, "x-twilio-signature"), 7)
    all_refused(by_twilio, altered_place(request), 10)
    all_refused(by_twilio, altered_body(request), 40)


def test_nothing_of_a_twilio_socket_can_be_changed() -> None:
    request = signers.twilio(SOCKET, "/twilio")
    all_refused(by_twilio, altered(request, "x-twilio-signature"), 7)
    all_refused(by_twilio, altered_place(request), 8)
    all_refused(by_twilio, iter([replace(request, base=SITE), signers.twilio(SOCKET, "/twilio", token="other")]), 2)


def test_a_form_without_end_is_not_read() -> None:
    request = signers.twilio(SITE, "/twilio/voice", [("a", "")] * MAX_FIELDS)
    by_twilio(request)
    all_refused(by_twilio, iter([signers.twilio(SITE, "/twilio/voice", [("a", "")] * (MAX_FIELDS + 1))]), 1)


# --- Telnyx -----------------------------------------------------------------------------------------------------------


def by_telnyx(request: Request, now_s: float = NOW_S) -> None:
    """The check."""
    telnyx.check(request, signers.TELNYX_PUBLIC, now_s)


BODY = '{"data": {"event_type": "call.initiated", "to": "+49ü"}}'.encode()


@pytest.mark.parametrize("age_s", [0, 1, 299, 300, -1, -300])
def test_what_telnyx_signs_is_let_in_for_five_minutes(age_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    request = signers.telnyx(BODY, NOW_S - age_s)
    by_telnyx(request)
    monkeypatch.setattr("time.time", lambda: NOW_S)
    webhook_verification.verify_webhook_signature(request.body, request.headers, signers.TELNYX_PUBLIC)


@pytest.mark.parametrize("age_s", [301, 86400, -301])
def test_what_telnyx_signed_long_ago_is_not(age_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    request = signers.telnyx(BODY, NOW_S - age_s)
    all_refused(by_telnyx, iter([request]), 1)
    monkeypatch.setattr("time.time", lambda: NOW_S)
    with pytest.raises(webhook_verification.WebhookVerificationError):
        webhook_verification.verify_webhook_signature(request.body, request.headers, signers.TELNYX_PUBLIC)


def test_nothing_of_a_telnyx_webhook_can_be_changed() -> None:
    request = signers.telnyx(BODY)
    all_refused(by_telnyx, altered(request, "telnyx-signature-ed25519", "telnyx-timestamp"), 14)
    all_refused(by_telnyx, altered_body(request), 50)
    other = base64.b64encode(bytes(64)).decode()
    all_refused(by_telnyx, iter([with_headers(request, telnyx_signature_ed25519=other)]), 1)
    for timestamp in ("1" * 5000, "-1", "1e9", "\u0661", "1.0", " 1"):
        all_refused(by_telnyx, iter([with_headers(request, telnyx_timestamp=timestamp)]), 1)


def test_another_key_of_telnyx_does_not_fit() -> None:
    other = base64.b64encode(bytes(range(1, 33))).decode()
    with pytest.raises(Refused, match=r"is phones\.telnyx\.public_key right"):
        telnyx.check(signers.telnyx(BODY), other, NOW_S)


# --- Plivo ------------------------------------------------------------------------------------------------------------


def by_plivo(request: Request) -> None:
    """The check."""
    plivo.check(request, TOKEN)


PLIVO_CALL = {"CallUUID": "u-1", "From": "15551", "To": "+49ü", "Empty": ""}


@pytest.mark.parametrize("target", ["/plivo", "/plivo/voice?b=2&a=1", "/plivo/voice?a=2&a=1&c=%20&e=", "/"])
@pytest.mark.parametrize("form", [None, {}, PLIVO_CALL])
def test_what_plivo_signs_is_let_in(target: str, form: dict[str, str] | None) -> None:
    request = signers.plivo(target, form)
    by_plivo(request)
    assert validate_v3_signature(
        request.method, request.url, "12345", TOKEN, request.headers["x-plivo-signature-v3"], dict(form or {})
    )


def test_one_of_plivos_signatures_is_enough() -> None:
    request = signers.plivo("/plivo/voice", PLIVO_CALL)
    several = f"AAAA,{request.headers['x-plivo-signature-v3']},BBBB"
    by_plivo(with_headers(request, x_plivo_signature_v3=several))


def test_nothing_of_a_plivo_webhook_can_be_changed() -> None:
    name = "x-plivo-signature-v3"
    for request in (signers.plivo("/plivo/voice?a=1", PLIVO_CALL), signers.plivo("/plivo/voice?a=1")):
        alone = (each for each in altered(request, name) if "," not in each.headers.get(name, ""))
        all_refused(by_plivo, alone, 6)
        all_refused(by_plivo, altered(request, f"{name}-nonce"), 7)
        all_refused(by_plivo, altered_place(request), 10)
    all_refused(by_plivo, altered_body(signers.plivo("/plivo/voice?a=1", PLIVO_CALL)), 40)
    all_refused(by_plivo, iter([signers.plivo("/plivo/voice", PLIVO_CALL, token="other")]), 1)
    no_form = replace(signers.plivo("/plivo/voice"), body=b"{}", method="POST")
    all_refused(by_plivo, iter([no_form]), 1)


# --- Vonage -----------------------------------------------------------------------------------------------------------


def by_vonage(request: Request) -> str:
    """The check."""
    return vonage.check(request, TOKEN * 2, "app-1", NOW_S)


@pytest.mark.parametrize("secret", [TOKEN, "short", TOKEN * 4])
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")  # of the signer; the check gives none
def test_what_vonage_signs_is_let_in(secret: str) -> None:
    request = signers.vonage(secret=secret)
    assert vonage.check(request, secret, "", NOW_S) == "c5ba8f24"
    assert vonage.check(signers.vonage(body=b"{}", secret=secret), secret, "app-1", NOW_S)
    with pytest.raises(Refused):
        vonage.check(request, secret + "x", "", NOW_S)


CLAIMS: dict[str, dict[str, Any]] = {
    "too old": {"iat": NOW_S - 301},
    "not made yet": {"iat": NOW_S + 301},
    "no age": {"iat": None},
    "an age that is a text": {"iat": str(NOW_S)},
    "an age that is true": {"iat": True},
    "an age that is no number": {"iat": float("nan")},
    "an age without end": {"iat": float("inf")},
    "expired": {"exp": NOW_S - 1},
    "an end that is a text": {"exp": "never"},
    "not good yet": {"nbf": NOW_S + 3600},
    "another application": {"application_id": "app-2"},
    "an application that is a number": {"application_id": 1},
    "no name": {"jti": None},
    "an empty name": {"jti": ""},
    "a name that is a number": {"jti": 5},
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_a_token_of_vonage_must_say_the_right_things(claims: dict[str, Any]) -> None:
    all_refused(by_vonage, iter([signers.vonage(claims)]), 1)


def test_a_token_of_vonage_is_good_for_five_minutes() -> None:
    for age_s in (0, 300, -300):
        assert by_vonage(signers.vonage({"iat": NOW_S - age_s, "exp": NOW_S + 1, "application_id": None}))


def test_nothing_of_a_vonage_webhook_can_be_changed() -> None:
    request = signers.vonage(body=b'{"to": "1"}')
    assert by_vonage(request)
    _, token = request.headers["authorization"].split()
    for at in range(0, len(token) - 1, 3):
        all_refused(by_vonage, iter([with_headers(request, authorization=f"Bearer {flipped(token, at)}")]), 1)
    for other in (token, f"Basic {token}", "Bearer", "Bearer a.b.c", "Bearer \udcff", f"Bearer {token}.x"):
        all_refused(by_vonage, iter([with_headers(request, authorization=other)]), 1)
    all_refused(by_vonage, iter([each for each in altered_body(request) if each.body]), 10)
    all_refused(by_vonage, iter([signers.vonage({"payload_hash": None}, body=b"{}")]), 1)


@pytest.mark.parametrize("header", ['{"alg":"none"}', '{"alg":"HS512"}', '{"alg":"RS256"}', '{"typ":"JWT"}', "[]"])
def test_a_token_by_another_algorithm_is_none(header: str) -> None:
    _, token = signers.vonage().headers["authorization"].split()
    _, said, signature = token.split(".")
    first = base64.urlsafe_b64encode(header.encode()).decode().rstrip("=")
    for last in (signature, ""):
        forged = with_headers(signers.vonage(), authorization=f"Bearer {first}.{said}.{last}")
        all_refused(by_vonage, iter([forged]), 1)


# --- Genesys ----------------------------------------------------------------------------------------------------------


def by_genesys(request: Request, now_s: float = NOW_S) -> str:
    """The check."""
    return genesys.check(request, signers.GENESYS_KEY, signers.GENESYS_SECRET, now_s)


def test_the_example_of_genesys_own_page_is_let_in() -> None:
    """https://developer.genesys.cloud/devapps/audiohook/session-walkthrough#establishing-connection"""
    key, secret = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh", "TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU="
    said = (
        'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id"'
        f' "audiohook-correlation-id" "x-api-key");keyid="{key}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256"'
        ";created=1641013200;expires=3282026430"
    )
    headers = {
        "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
        "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
        "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
        "x-api-key": key,
        "signature": "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:",
        "signature-input": said,
    }
    target = "/api/v1/voicebiometrics/ws"
    for base in ("wss://audiohook.example.com", "wss://AudioHook.example.com:443"):
        request = Request("GET", base, target, headers)
        assert genesys.check(request, key, secret, 1641013205.0) == "VGhpc0lzQVVuaXF1ZU5vbmNl"
    spaced = with_headers(request, signature_input=said.replace(";", "; "))
    assert genesys.check(spaced, key, secret, 1641013205.0)


def test_nothing_of_a_genesys_connection_can_be_changed() -> None:
    request = signers.genesys()
    assert by_genesys(request)
    all_refused(by_genesys, altered(request, *request.headers), 40)
    all_refused(by_genesys, altered_place(request), 10)
    of_another = request.headers["signature"].replace("sig1", "sig2")
    all_refused(by_genesys, iter([with_headers(request, signature=of_another)]), 1)
    said = request.headers["signature-input"]
    for at in range(len(said)):
        all_refused(by_genesys, iter([with_headers(request, signature_input=flipped(said, at))]), 1)


ALL = "@request-target @authority audiohook-organization-id audiohook-session-id audiohook-correlation-id x-api-key"
UNFIT: dict[str, dict[str, Any]] = {
    "another key": {"api_key": "another-key"},
    "another secret": {"secret": base64.b64encode(b"another").decode()},
    "by another key than it shows": {"keyid": "another-key"},
    "another algorithm": {"alg": "hmac-sha512"},
    "a short nonce": {"nonce": "short"},
    "too old": {"created": int(NOW_S) - 31},
    "not made yet": {"created": int(NOW_S) + 31},
    "a time that is a text": {"created": "now"},
    "expired": {"expires": int(NOW_S) - 31},
    "an end that is a text": {"expires": "never"},
    **{f"without {name}": {"components": ALL.replace(name, "").strip()} for name in ALL.split()},
    "the key twice": {"components": f"{ALL} x-api-key"},
}


@pytest.mark.parametrize("changes", UNFIT.values(), ids=UNFIT)
def test_a_signature_of_genesys_must_say_the_right_things(changes: dict[str, Any]) -> None:
    all_refused(by_genesys, iter([signers.genesys(**changes)]), 1)


def test_a_signature_of_genesys_is_good_for_half_a_minute() -> None:
    for age_s in (0, 30, -30):
        assert by_genesys(signers.genesys(), NOW_S + age_s)


INPUTS = ["", "sig1", "sig1=()", 'sig1=("a")', 'sig1=("a");x=1;x=2', 'sig1=("a" "a");x=1', "sig1=(a);x=1", "=" * 8000]


@pytest.mark.parametrize("said", [*INPUTS, "sig1=(" + '"a" ' * 2000 + ");x=1", 'sig1=("a")' + ";x=1" * 2000 + "!"])
def test_what_is_no_signature_is_read_to_its_end_at_most(said: str) -> None:
    all_refused(by_genesys, iter([with_headers(signers.genesys(), signature_input=said)]), 1)
