"""Measurements: each module measures one thing beside its reference, in the same run."""
