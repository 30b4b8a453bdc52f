"""The tests of minibank."""

import pytest

# Asserts in what tests stand on say what differs, as those of tests do.
pytest.register_assert_rewrite("tests.support", "tests.unit.payments.desk")
