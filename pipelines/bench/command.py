"""``videoinv bench``: measurements that people can repeat on their own machine."""

from __future__ import annotations

import argparse

from pipelines.bench import alignment, generator, inversion, memory, overlap, warm_start

MEASUREMENTS = (alignment, generator, inversion, memory, overlap, warm_start)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``bench`` and its measurements to the command line."""
    parser = commands.add_parser("bench", help="measure speed and agreement on this machine")
    measurements = parser.add_subparsers(metavar="MEASUREMENT", required=True)
    for measurement in MEASUREMENTS:
        measurement.add_parser(measurements)
