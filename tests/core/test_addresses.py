"""Which addresses other services are never asked at."""

import pytest

from core.addresses import is_metadata


@pytest.mark.parametrize(
    "address",
    [
        *("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%lo", "fd00:ec2::254"),
        *("::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "::a9fe:a9fe"),
        *("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd20:ce::254"),
        *("64:ff9b:1::a9fe:a9fe", "64:ff9b:1:2:3:4:a9fe:a9fe", "::ffff:0:169.254.169.254"),
        *("::ffff:100.100.100.200", "64:ff9b::6464:64c8", "2002:6464:64c8::"),
    ],
)
def test_addresses_of_links_and_metadata_are_known_in_all_forms(address):
    assert is_metadata(address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::", "10.0.0.1", "192.0.2.1", "2001:db8::1", "100.100.100.1"]
)
def test_other_addresses_are_not(address):
    assert not is_metadata(address)
