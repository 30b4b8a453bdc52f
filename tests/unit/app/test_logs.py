"""What a log line may say."""

from collections.abc import Iterator

import pytest
import structlog

from minibank.app.logs import configure_logs
from minibank.settings import Settings
from minibank.settings.fields import Mode


@pytest.mark.parametrize("mode", ["sandbox", "production"])
def test_a_fault_is_logged_without_the_values_of_variables(
    mode: Mode, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(Settings(mode=mode))
    hidden = "mb_at_" + "s3cret" * 5

    def fail(token: str) -> int:
        assert len(token) > 10
        raise ValueError("it broke")

    try:
        fail(hidden)
    except ValueError:
        structlog.get_logger().exception("failed")

    logged = capsys.readouterr().err
    assert "it broke" in logged
    assert hidden not in logged


@pytest.fixture(autouse=True)
def _usual_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()
