"""The keys without which a carrier's REST interface cannot be asked. Pure."""

from __future__ import annotations

from server.phones.options import Phones

NEEDS: dict[str, tuple[str, ...]] = {
    "twilio": ("account_sid", "auth_token"),
    "telnyx": ("api_key",),
    "plivo": ("auth_id", "auth_token"),
    "exotel": (),
    "vonage": ("application_id", "private_key"),
}
TO_DIAL = {"exotel": ("account_sid", "api_key", "api_token", "app_id"), "telnyx": ("api_key", "connection_id")}
"""Those for making calls, where it takes more."""


def lacking(phones: Phones, carrier: str, *, to_dial: bool = False) -> list[str]:
    """The keys that are not set; of a carrier that has no such interface, none."""
    needs = NEEDS.get(carrier, ())
    needs = TO_DIAL.get(carrier, needs) if to_dial else needs
    return [f"phones.{carrier}.{key}" for key in needs if not getattr(getattr(phones, carrier), key)]
