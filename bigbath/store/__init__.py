"""Result files, the shards of unfinished ones, and where they come from."""

from bigbath.store.provenance import provenance, versions
from bigbath.store.result import SCHEMA, Changed, Result, merge_results, open_result, read_header, write_result
from bigbath.store.shards import Shards, Survey, header_of, open_run

__all__ = [
    "SCHEMA",
    "Changed",
    "Result",
    "Shards",
    "Survey",
    "header_of",
    "merge_results",
    "open_result",
    "open_run",
    "provenance",
    "read_header",
    "versions",
    "write_result",
]
