"""scope_nb: a notebook-first kit for classifying variable stars of the Zwicky Transient Facility.

Data flows one way: light curves -> features -> training table -> Dataset -> model -> scores -> saved run.
"""

__version__ = "0.1.0"
