"""Write a simulated survey: `python data/simulate --stars 1000 --out data/big`."""

import argparse
from pathlib import Path

from kinds import MIXES
from simulation import write_survey


def main(arguments=None):
    """Write a simulated survey: light curves, training table and truth. Print how often each label occurs."""
    parser = argparse.ArgumentParser(prog="python data/simulate", description=main.__doc__)
    add = parser.add_argument
    add("--stars", dest="n_stars", metavar="STARS", type=int, default=1000, help="number of stars (default 1000)")
    add("--seed", type=int, default=0)
    add("--mix", choices=MIXES, default="natural", help="classes as in nature, or stratified")
    add("--out", type=Path, required=True, help="folder for the files")
    add("--prefix", default="", help='put before the file names, for example "sample_"')
    add("--keep", type=int, help="write the light curves of only so many stars, first those of the test part (all)")
    add("--features", action=argparse.BooleanOptionalAction, default=True, help="make the training table too")
    add("--jobs", dest="n_jobs", metavar="JOBS", type=int, default=-1, help="processes (all cores)")
    options = parser.parse_args(arguments)
    if options.n_stars < 1:
        parser.error(f"--stars must be at least 1, not {options.n_stars}")
    counts = write_survey(**vars(options))
    print(counts.to_string())


if __name__ == "__main__":
    main()
