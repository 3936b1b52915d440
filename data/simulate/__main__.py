"""Write a simulated survey: `python data/simulate --stars 1000 --out data/big`."""

import argparse
from pathlib import Path

from kinds import MIXES
from simulation import write_survey


def main(arguments=None):
    """Write a simulated survey: light curves, training table and truth. Prints what it holds of each label."""
    parser = argparse.ArgumentParser(prog="python data/simulate", description=main.__doc__)
    parser.add_argument("--stars", type=int, default=1000, help="number of stars (default 1000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mix", choices=MIXES, default="natural", help="classes as in nature, or stratified")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--prefix", default="", help='put before the file names, for example "sample_"')
    parser.add_argument("--keep", type=int, help="write the light curves of so many stars, test stars first (all)")
    parser.add_argument("--features", action=argparse.BooleanOptionalAction, default=True, help="make the table too")
    parser.add_argument("--jobs", type=int, default=-1, help="processes (all cores)")
    given = parser.parse_args(arguments)
    if given.stars < 1:
        parser.error(f"--stars must be at least 1, not {given.stars}")
    counts = write_survey(
        given.out, given.stars, given.seed, given.mix, given.features, given.keep, given.prefix, given.jobs
    )
    print(counts.to_string())


if __name__ == "__main__":
    main()
