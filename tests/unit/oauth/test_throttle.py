"""What guesses are counted for."""

from minibank.core.ids import SHARDS
from minibank.oauth.throttle import address_subject, guess_of, login_subject


def test_a_login_is_one_client_and_one_address():
    one = login_subject("client_a", "ada@example.com")
    assert one == login_subject("client_a", "ada@example.com")
    assert one != login_subject("client_b", "ada@example.com")
    assert one != login_subject("client_a", "eve@example.com")


def test_what_stands_on_either_side_of_a_boundary_cannot_be_shifted_over_it():
    assert login_subject("a", "bc") != login_subject("ab", "c")
    assert address_subject("login") != login_subject("", "")


def test_a_subject_says_which_shard_it_lives_in():
    shards = {login_subject("client", f"{n}@example.com").shard for n in range(200)}
    assert len(shards) > 100
    assert all(0 <= shard < SHARDS for shard in shards)


def test_the_addresses_of_one_ipv6_customer_are_one():
    assert address_subject("2001:db8::1") == address_subject("2001:db8::ffff:ffff:ffff:ffff")
    assert address_subject("2001:db8::1") != address_subject("2001:db8:0:1::1")


def test_an_ipv4_address_is_one_however_it_is_written():
    assert address_subject("192.0.2.1") == address_subject("::ffff:192.0.2.1")
    assert address_subject("192.0.2.1") != address_subject("192.0.2.2")


def test_a_zone_is_no_part_of_an_address():
    assert address_subject("fe80::1%eth0") == address_subject("fe80::1")


def test_what_is_no_address_is_counted_all_the_same():
    assert address_subject("unix:") == address_subject("unix:")
    assert address_subject("testclient") != address_subject("unix:")


def test_subjects_are_locked_in_one_order():
    for number in range(50):
        guess = guess_of("client", f"{number}@example.com", "192.0.2.1")
        assert len(guess.subjects) == 2
        assert guess.subjects == sorted(guess.subjects)


def test_without_an_address_only_the_login_counts():
    guess = guess_of("client", "ada@example.com", None)
    assert guess.subjects == [guess.login]
