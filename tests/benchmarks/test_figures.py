"""The engine keeps its figures: ratios, so the machine does not matter."""

from __future__ import annotations

import pytest

from benchmarks import figures


@pytest.mark.slow
def test_a_fork_is_a_hundred_times_faster_than_a_deep_copy() -> None:
    figure = figures.fork()
    assert figure.kept, figure


@pytest.mark.slow
def test_events_run_at_eight_percent_of_a_bare_loop() -> None:
    figure = figures.events()
    assert figure.kept, figure


def test_a_command_that_fails_is_no_figure_however_fast() -> None:
    assert not figures._command(60, "check", "no-such-policy").kept


def test_a_command_that_takes_too_long_is_stopped() -> None:
    figure = figures._command(0.001, "--help")
    assert not figure.kept
    assert figure.measured.startswith("stopped")
