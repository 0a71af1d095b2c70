"""A run that is killed in every way goes on and ends as the undisturbed one."""

import os

from kills import KINDS, campaign


def test_every_kind_of_kill(tmp_path):
    kinds = list(KINDS) * (15 if os.environ.get("BIGBATH_LONG") else 1)
    table, completed = campaign(tmp_path, kinds)
    assert sum(table.values()) == len(kinds)
    assert completed >= 1
