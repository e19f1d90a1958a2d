"""The engine keeps its figures: ratios, so the machine does not matter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from benchmarks import figures


@pytest.mark.slow
@pytest.mark.parametrize("measure", [figures.fork, figures.cold_start, figures.episode, figures.hour, figures.size])
def test_a_figure_is_kept_and_says_where_its_time_or_memory_goes(measure: Callable[[], figures.Figure]) -> None:
    figure = measure()
    assert figure.kept, figure
    assert len(figure.top) == 5


@pytest.mark.slow
def test_events_run_at_a_share_of_a_bare_loop() -> None:
    figure = figures.events()
    assert figure.ratio > 0.35, figure  # the promise is missed; less than this, at any size, is a regression


def test_a_command_that_fails_is_no_figure_however_fast() -> None:
    assert not figures._command(60, "check", "no-such-policy").kept


def test_a_command_that_takes_too_long_is_stopped() -> None:
    figure = figures._command(0.001, "--help")
    assert not figure.kept
    assert figure.measured.startswith("stopped")
