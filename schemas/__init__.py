"""The tables of the archive: one module a table, from which Arrow schema, DDL and documentation are derived."""
