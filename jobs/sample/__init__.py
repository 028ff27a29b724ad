"""A drawn bucket in the layout of the PMC Cloud Service, with the ground truth of what a pipeline must make of it."""

from jobs.sample.truth import SampleTruth
from jobs.sample.write import write_sample

__all__ = ["SampleTruth", "write_sample"]
