"""scope_nb: a notebook-first kit for classifying variable stars of the Zwicky Transient Facility.

Data flows one way: light curves -> features -> training table -> Dataset -> model -> scores -> saved run.
"""

import os

__version__ = "0.1.0"

# Threads of OpenMP (scikit-learn, XGBoost) that wait for each other sleep. By default they spin, and where other
# programs want the cores as well, trees then take tens of times as long. Read when OpenMP is loaded, so set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
