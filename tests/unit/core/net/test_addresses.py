from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.core.errors import ForbiddenUrl
from safelight.core.net.addresses import check_address, check_url, is_public
from support.rows import each_row


@each_row
def test_an_address_outside_the_public_internet_is_refused(text: str) -> None:
    assert not is_public(ip_address(text))
    with pytest.raises(ForbiddenUrl):
        check_address(text)


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_a_public_address_is_accepted(text: str) -> None:
    assert is_public(ip_address(text))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_accepted_ipv4_addresses_are_global_in_the_registry(number: int) -> None:
    address = IPv4Address(number)
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast
    else:
        assert not address.is_global or number >> 24 in {168, 192, *range(224, 256)}


_DISGUISES = [IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96")]


@settings(deadline=None)
@given(st.integers(0, 2**128 - 1))
def test_accepted_ipv6_addresses_are_global_unicast(number: int) -> None:
    address = IPv6Address(number)
    if is_public(address) and not any(address in network for network in _DISGUISES):
        assert address.is_global
        assert address in IPv6Network("2000::/3")


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1))
def test_an_embedded_ipv4_address_is_checked_as_ipv4_or_refused(number: int, rest: int) -> None:
    plain = is_public(IPv4Address(number))
    assert is_public(IPv6Address((0xFFFF << 32) | number)) == plain
    assert is_public(IPv6Address((0x0064_FF9B << 96) | number)) == plain
    assert is_public(IPv6Address((0x2606_4700 << 96) | (0x5EFE << 32) | number)) == plain
    assert not is_public(IPv6Address((0x2002 << 112) | (number << 80) | rest))
    assert not is_public(IPv6Address((0x2001_0000 << 96) | (rest << 32) | number))
    assert not is_public(IPv6Address(number))


@settings(deadline=None)
@given(st.sampled_from(["10", "127", "0"]), st.integers(0, 2**24 - 1), st.data())
def test_no_spelling_of_a_private_ipv4_address_passes(first: str, rest: int, data: st.DataObject) -> None:
    number = (int(first) << 24) | rest
    parts = [number >> 24, (number >> 16) & 255, (number >> 8) & 255, number & 255]
    spell = data.draw(st.lists(st.sampled_from(["{}", "0x{:x}", "0{:o}", "00{}"]), min_size=4, max_size=4))
    spellings = [
        ".".join(form.format(part) for form, part in zip(spell, parts, strict=True)),
        str(number),
        f"0x{number:x}",
        f"0{number:o}",
        f"{parts[0]}.{number & 0xFFFFFF}",
        f"{parts[0]}.{parts[1]}.{number & 0xFFFF}",
        f"[::ffff:{IPv4Address(number)}]",
    ]
    host = data.draw(st.sampled_from(spellings))
    dot = "" if host.startswith("[") else data.draw(st.sampled_from(["", "."]))
    with pytest.raises(ForbiddenUrl):
        check_url(f"http://{host}{dot}/latest/meta-data")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_either_a_public_target_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://{text}/x"):
        try:
            target = check_url(url)
        except ForbiddenUrl:
            continue
        assert target.scheme in {"http", "https"}
        assert target.address is None or is_public(target.address)


@each_row
def test_a_url_that_could_point_to_an_internal_address_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenUrl) as refused:
        check_url(url)
    assert refused.value.remedy


def test_a_url_that_is_too_long_is_refused() -> None:
    for url in ("http://" + "a" * 250 + ".example.com/", "http://example.com/" + "a" * 5000):
        with pytest.raises(ForbiddenUrl):
            check_url(url)


@each_row
def test_an_ordinary_url_is_parsed(url: str, host: str, port: int) -> None:
    target = check_url(url)
    assert (target.host, target.port) == (host, port)
