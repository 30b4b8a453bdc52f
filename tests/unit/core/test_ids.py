"""Identifiers: what their 22 digits mean, and where they come from."""

import itertools
import string
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minibank.core.ids import (
    ALPHABET,
    SHARDS,
    IdSource,
    RandomIds,
    SeededIds,
    compose,
    decode,
    encode,
    milliseconds_of,
    shard_of,
    shard_of_text,
)

PUBLISHED = "tx_00008zIcpb1TB4yeIFXMzx"
MILLISECONDS = 1_440_246_018_884
NOON = 1_773_144_000_000_000

prefixes = st.text(string.ascii_lowercase, min_size=1, max_size=12)
instants = st.integers(0, 253_402_300_799_999_999)
shards = st.integers(0, SHARDS - 1)
counters = st.integers(0, 2**16 - 1)
randoms = st.integers(0, 2**36 - 1)


@pytest.fixture
def ids(request: pytest.FixtureRequest) -> IdSource:
    source: IdSource = request.param()
    return source


def test_the_published_example_decodes_to_its_instant_worker_and_sequence():
    number = decode(PUBLISHED.removeprefix("tx_"))
    assert number == MILLISECONDS << 64 | 0x5C180096 << 16 | 1
    assert milliseconds_of(PUBLISHED) == MILLISECONDS
    assert encode(number) == PUBLISHED.removeprefix("tx_")


def test_the_published_example_is_composed_of_its_own_parts():
    low = 0x5C180096 << 16 | 1
    made = compose("tx", MILLISECONDS * 1000, low >> 52, low >> 36, low)
    assert made == PUBLISHED
    assert shard_of(PUBLISHED) == 0


@given(st.integers(0, 62**23 - 1), st.integers(0, 6))
def test_base_62_reads_what_it_writes_at_any_width(number: int, zeros: int):
    digits = 23 + zeros
    text = encode(number, digits)
    assert len(text) == digits
    assert set(text) <= set(ALPHABET)
    assert decode(text) == number


@given(st.integers(0, 62**22 - 1), st.integers(0, 62**22 - 1))
def test_numbers_sort_as_text_in_their_own_order(one: int, other: int):
    assert (encode(one) < encode(other)) == (one < other)


@pytest.mark.parametrize("number", [62**3, -1])
def test_a_number_that_does_not_fit_its_digits_is_never_written(number: int):
    with pytest.raises(AssertionError):
        encode(number, 3)


def test_what_is_no_base_62_digit_is_not_read():
    for strange in ("0-1", "0 1", "0_1", "é", "\u0661", "0\x00", "01\n"):
        assert decode(strange) is None


@given(prefixes, instants, shards, counters, randoms)
def test_an_id_says_its_shard_and_its_millisecond(
    prefix: str, at: int, shard: int, counter: int, random: int
):
    made = compose(prefix, at, shard, counter, random)
    assert made.rpartition("_")[0] == prefix
    assert shard_of(made) == shard
    assert milliseconds_of(made) == at // 1000


@given(instants, instants, shards, shards, counters, counters)
def test_ids_of_one_type_sort_by_millisecond_then_shard_then_counter(
    at: int, later: int, shard: int, other: int, counter: int, next_one: int
):
    one, two = compose("tx", at, shard, counter, 7), compose("tx", later, other, next_one, 7)
    assert (one < two) == ((at // 1000, shard, counter) < (later // 1000, other, next_one))


@pytest.mark.parametrize(
    "unreadable",
    [
        "",
        "tx",
        "tx_",
        "\udcff_00008zIcpb1TB4yeIFXMzx",
        "tx\0_00008zIcpb1TB4yeIFXMzx",
        "🍞_00008zIcpb1TB4yeIFXMzx",
        "_",
        "acc_123",
        "user_00009237hliZellUicKuG",  # the documentation's own, with a digit less
        "tx_00008zIcpb1TB4yeIFXMzx0",
        "tx_00008zIcpb1TB4yeIFXMz-",
        "tx_00008zIcpb1TB4yeIFXMz\n",
        "tx_00008zIcpb1TB4yeIFXMzé",
        "00008zIcpb1TB4yeIFXMzx",
        "tx-00008zIcpb1TB4yeIFXMzx",
        "tx_" + "z" * 22,  # more than 128 bits
        "tx_" + "0" * 100_000,
    ],
)
def test_an_id_that_cannot_be_read_has_no_shard_and_no_instant(unreadable: str):
    assert shard_of(unreadable) is None
    assert milliseconds_of(unreadable) is None


@given(st.text())
def test_no_text_at_all_breaks_the_reading_of_ids(text: str):
    shard = shard_of(text)
    assert shard is None or 0 <= shard < SHARDS


def test_the_largest_number_of_128_bits_is_still_an_id():
    largest = f"tx_{encode(2**128 - 1)}"
    assert shard_of(largest) == SHARDS - 1
    assert shard_of(f"tx_{encode(2**128)}") is None


def test_a_prefix_may_hold_underscores_itself():
    assert shard_of(compose("open_banking", NOON, 77, 1, 1)) == 77


def test_a_shard_outside_the_ring_is_never_written():
    for shard in (-1, SHARDS):
        with pytest.raises(AssertionError):
            compose("tx", NOON, shard, 0, 0)


def test_counter_and_random_never_spill_into_the_parts_above_them():
    made = compose("tx", NOON, 5, 2**16, 2**36)
    assert made == compose("tx", NOON, 5, 0, 0)


def test_the_shard_of_a_text_is_stable_and_uses_the_whole_ring():
    assert shard_of_text("ada@example.com") == shard_of_text("ada@example.com")
    # Changing it would lose every e-mail address and account number already claimed.
    assert shard_of_text("ada@example.com") == 1509
    drawn = {shard_of_text(f"{n}@example.com") for n in range(60_000)}
    assert len(drawn) == SHARDS


@pytest.mark.parametrize(
    "ids", [RandomIds, lambda: SeededIds("a seed")], indirect=True, ids=["random", "seeded"]
)
def test_ids_made_in_one_millisecond_sort_in_the_order_they_were_made(ids: IdSource):
    made = [ids.new("tx", 9, NOON) for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {shard_of(one) for one in made} == {9}


@pytest.mark.parametrize(
    "ids", [RandomIds, lambda: SeededIds("a seed")], indirect=True, ids=["random", "seeded"]
)
def test_shards_are_drawn_from_the_whole_ring(ids: IdSource):
    drawn = {ids.shard() for _ in range(20_000)}
    assert drawn <= set(range(SHARDS))
    assert len(drawn) > 4000  # about 31 of the 4096 are missed by chance


@pytest.mark.parametrize("size", [0, 1, 20, 24, 32, 33, 64, 1000])
@pytest.mark.parametrize(
    "ids", [RandomIds, lambda: SeededIds("a seed")], indirect=True, ids=["random", "seeded"]
)
def test_secrets_have_the_size_asked_for_and_never_repeat(ids: IdSource, size: int):
    drawn = [ids.secret(size) for _ in range(100)]
    assert {len(one) for one in drawn} == {size}
    if size >= 16:
        assert len(set(drawn)) == 100


def test_a_secret_has_more_than_160_bits_unless_told_otherwise():
    assert len(RandomIds().secret()) * 8 >= 160
    assert len(SeededIds("s").secret()) * 8 >= 160


def _everything(ids: IdSource) -> list[object]:
    return [ids.new("tx", 1, NOON), ids.shard(), ids.secret(), ids.new("acc", 2, NOON)]


def test_the_same_seed_and_scope_always_draw_the_same():
    assert _everything(SeededIds("seed", "scope")) == _everything(SeededIds("seed", "scope"))


def test_another_seed_or_another_scope_draws_something_else():
    drawn = [
        _everything(SeededIds(seed, scope))
        for seed in ("seed", "another")
        for scope in ("", "one", "other")
    ]
    for one, other in itertools.combinations(drawn, 2):
        assert one[0] != other[0]
        assert one[2] != other[2]
        assert one[3] != other[3]


def test_what_a_scope_draws_does_not_depend_on_who_draws_before_it():
    first, second = SeededIds("seed"), SeededIds("seed")
    second.new("tx", 1, NOON)
    early = {key: _everything(first.scope(key)) for key in ("a", "b", "c")}
    late = {key: _everything(second.scope(key)) for key in ("c", "b", "a")}
    assert early == late


def test_scopes_of_one_millisecond_and_shard_never_collide():
    root = SeededIds("seed")
    made: set[str] = set()
    for n in range(8_000):
        scope = root.scope(f"operator/acc/{n}")
        made.update(scope.new("tx", 3, NOON) for _ in range(5))
    assert len(made) == 40_000


def test_the_scope_of_true_randomness_is_the_source_itself():
    ids = RandomIds()
    assert ids.scope("any") is ids


@pytest.mark.parametrize(
    "ids", [RandomIds, lambda: SeededIds("a seed")], indirect=True, ids=["random", "seeded"]
)
def test_threads_that_share_a_source_never_get_the_same(ids: IdSource):
    per_thread, threads = 2_000, 8
    made: list[list[str]] = [[] for _ in range(threads)]
    secrets: list[list[bytes]] = [[] for _ in range(threads)]
    barrier = threading.Barrier(threads)

    def make(n: int) -> None:
        barrier.wait()
        for _ in range(per_thread):
            made[n].append(ids.new("tx", 1, NOON))
            secrets[n].append(ids.secret())

    workers = [threading.Thread(target=make, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({one for some in made for one in some}) == per_thread * threads
    assert len({one for some in secrets for one in some}) == per_thread * threads
    for some in made:
        assert some == sorted(some)
