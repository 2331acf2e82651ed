"""Where the center may connect to on a facility's behalf: not to what answers within a data center alone."""

import socket
from ipaddress import ip_address

from django.utils.translation import gettext

from apps.core.addresses import Address, all_of
from apps.core.errors import DomainError

_METADATA = frozenset({ip_address("fd00:ec2::254"), ip_address("100.100.100.200"), ip_address("168.63.129.16")})
"""Of clouds, besides those that are link-local."""


class ForbiddenAddress(DomainError):
    """No facility's node has such an address."""

    code = "forbidden_address"


class UnknownHost(DomainError):
    """The host name has no address."""

    code = "unknown_host"


def reachable_address(host: str, port: int) -> str:
    """The IP address of a host. Raises ForbiddenAddress where any of its addresses is one, UnknownHost."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHost(gettext("The host name has no address")) from error
    addresses = [str(address[0]) for *_, address in found]
    for address in addresses:
        refuse_forbidden(ip_address(address.partition("%")[0]))
    return addresses[0]


def refuse_forbidden(address: Address) -> None:
    """Raises ForbiddenAddress for link-local, multicast and unspecified ones, and those that tell a cloud's secrets."""
    found = all_of(address)
    if any(each.is_link_local or each.is_multicast or each.is_unspecified or each in _METADATA for each in found):
        raise ForbiddenAddress(gettext("No facility's node has such an address"))
