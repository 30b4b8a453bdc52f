"""The tests of minibank."""

import sys

# Asserts in what tests stand on say what differs, as those of tests do. Programs of other people's
# libraries import from here as well, where there is no pytest.
if (pytest := sys.modules.get("pytest")) is not None:
    pytest.register_assert_rewrite("tests.support", "tests.unit.payments.desk")
