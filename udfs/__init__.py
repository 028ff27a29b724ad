"""Kernels: typed Python from bytes and strings to frozen dataclasses; no Spark, no settings, no I/O but the source adapters."""
