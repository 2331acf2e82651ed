"""Enrolment: this device makes a key of its own and becomes known by a one-time code."""

from joserfc.jwk import OKPKey

from medvault_edge.center import Center
from medvault_edge.errors import Refused
from medvault_edge.state import Device, Facility, State


def enrol(state: State, *, url: str, code: str, name: str) -> Device:
    """Raises NotPermitted for a code that is unknown, used or expired, NotReachable, Refused."""
    key = OKPKey.generate_key("Ed25519")
    with Center(url) as center:
        told = center.enrol(code=code, name=name, jwk=key.as_dict(private=False))
        try:
            device = Device(
                kind=told["kind"], uid=told["uid"], name=told.get("name") or name, center_url=center.url,
                center_name=told["center"]["name"], recipient=told["center"]["recipient"],
                jwks=told["center"]["jwks"], jwk=key.as_dict(private=True), certificate=told["certificate"],
            )  # fmt: skip
            facilities = [
                Facility(each["slug"], each["name"], each["token"], each["terminals"], "")
                for each in told["facilities"]
            ]
        except (KeyError, TypeError) as error:
            raise Refused("What answers there is no MedVault center") from error
    state.enrol(device, facilities)
    return device
