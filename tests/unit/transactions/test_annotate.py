"""What annotations may be, and how changes are merged."""

import pytest

from minibank.core.errors import BadParam
from minibank.transactions.annotate import (
    KEYS_MAX,
    METADATA_BYTES_MAX,
    merge,
    require_acceptable,
)


def test_a_change_names_only_its_own_keys():
    assert merge({"a": "1", "b": "2"}, {"b": "3", "c": "4"}) == {"a": "1", "b": "3", "c": "4"}


def test_an_empty_value_deletes_and_a_missing_key_may_be_deleted():
    assert merge({"a": "1", "b": "2"}, {"a": "", "zzz": ""}) == {"b": "2"}


def test_a_hundred_keys_fit_and_one_more_does_not():
    full = {f"k{n}": "v" for n in range(KEYS_MAX)}
    assert merge({}, full) == full
    assert merge(full, {"k0": "", "new": "v"}).keys() == (full.keys() - {"k0"}) | {"new"}
    with pytest.raises(BadParam) as refused:
        merge(full, {"one more": "v"})
    assert refused.value.code == "bad_request.bad_param.metadata"


@pytest.mark.parametrize("key", ["k" * 255, "é" * 127, "a b.c[d]", "🍞"])
def test_keys_are_any_text_of_up_to_255_bytes(key):
    require_acceptable({key: "v" * 4096})


@pytest.mark.parametrize(
    "change", [{"k" * 256: "v"}, {"é" * 128: "v"}, {"": "v"}, {"k": "v" * 4097}, {"k": "é" * 2049}]
)
def test_longer_ones_are_refused(change):
    with pytest.raises(BadParam) as refused:
        require_acceptable(change)
    assert refused.value.code == "bad_request.bad_param.metadata"


def test_all_keys_and_values_together_are_limited_in_bytes():
    half = {"é" * 8: "v" * (METADATA_BYTES_MAX // 2 - 16)}
    assert merge(half, {"k" * 16: "é" * (METADATA_BYTES_MAX // 4 - 8)}).keys() > half.keys()
    with pytest.raises(BadParam):
        merge(half, {"k" * 16: "é" * (METADATA_BYTES_MAX // 4 - 8) + "v"})
