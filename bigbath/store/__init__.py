"""Result files and where they come from."""

from bigbath.store.provenance import provenance, versions
from bigbath.store.result import SCHEMA, Result, group_name, open_result, read_header, write_result

__all__ = ["SCHEMA", "Result", "group_name", "open_result", "provenance", "read_header", "versions", "write_result"]
