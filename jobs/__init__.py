"""Spark jobs: each module reads tables, applies a kernel and writes the tables it names."""
