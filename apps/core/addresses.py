"""Addresses that stand within others: whoever judges where a connection may go judges all of them."""

from ipaddress import IPv4Address, IPv6Address, ip_network

Address = IPv4Address | IPv6Address
NAT64_WITHIN = ip_network("64:ff9b:1::/48")
"""Translates into the IPv4 network of whoever runs it (RFC 8215)."""
_ENDS_WITH_ONE = (
    ip_network("64:ff9b::/96"),  # NAT64 (RFC 6052)
    NAT64_WITHIN,
    ip_network("::ffff:0:0:0/96"),  # translated (RFC 2765)
    ip_network("::/96"),  # compatible (RFC 4291, 2.5.5.1)
)


def all_of(address: Address) -> list[Address]:
    """The address, and those of IPv4 within it: mapped, compatible, translated, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return [address]
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    ends_with_one = any(address in each for each in _ENDS_WITH_ONE)
    within = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()), last if ends_with_one else None)
    return [address, *filter(None, within)]
