import pytest
from structlog.testing import capture_logs

from causeline.deploy.clocks import StepWatch

AT = 1_800_000_000_000


@pytest.mark.parametrize(
    ("looks", "steps"),
    [
        ([(AT, 0), (AT + 5_000, 5_000)], []),
        ([(AT, 0), (AT + 1_000 - 3_600_000, 1_000), (AT + 2_000 - 3_600_000, 2_000)], [-3_600.0]),  # told once
        ([(AT, 0), (AT + 1_000 + 1_000, 1_000)], [1.0]),
        ([(AT, 0), (AT + 1_000 + 999, 1_000)], []),  # a time service that slews
    ],
)
def test_a_step_of_the_wall_clock_is_told_once(looks: list[tuple[int, int]], steps: list[float]) -> None:
    watch = StepWatch()
    with capture_logs() as logs:
        for wall, steady in looks:
            watch.look(wall, steady)
    assert [line["seconds"] for line in logs] == steps
