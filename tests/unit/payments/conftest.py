"""What the tests of decisions share."""

import pytest

from tests.unit.payments.desk import Desk


@pytest.fixture
def desk() -> Desk:
    """A small bank with nobody in it yet."""
    return Desk()
