from dataclasses import replace

import numpy as np
import pytest

from bigbath.cluster.run import run
from bigbath.errors import JobError
from bigbath.models import Ring
from bigbath.store import open_result
from bigbath.studies import entropy, prediction
from bigbath.studies.claim import Claim


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    path = tmp_path_factory.mktemp("prediction")
    run(replace(entropy.job("entropy_whole"), model=Ring(N=9)), path / "entropy_whole_N9.h5")
    return path


def test_rows_and_figure(directory, monkeypatch):
    with pytest.raises(JobError, match="--sizes 9"):
        prediction.prediction(directory, sizes=(9,))
    monkeypatch.setattr(prediction, "SMALLEST", 9)
    monkeypatch.setattr(prediction, "LEVELS", 5)
    rows, target = prediction.prediction(directory, sizes=(9,))
    named = {row.name: row for row in rows}
    ds = open_result(directory / "entropy_whole_N9.h5").realizations[0]
    near = np.abs(ds.bath_energy.values) < prediction.WINDOW
    assert named["S_vN from |V|^2 alone"].measured == pytest.approx(float(ds.shannon[near].mean()))
    off = {name: abs(row.predicted - row.measured) for name, row in named.items()}
    assert off["S_obs from |V|^2 alone"] < 0.3 and off["S_vN from |V|^2 alone"] < 0.6
    assert off["S_vN from the shells' P and Porter-Thomas"] < off["S_vN by Eq. 49 less fluctuations of all levels"]
    assert named["<p^2>/<p>^2 over Porter-Thomas"].measured > 1
    assert target.stat().st_size > 10_000


def test_verdicts_of_claims_and_predictions():
    claim = {"name": "a", "claim": "close", "limit": 0.1}
    assert Claim(**claim, ours=0.1).verdict == "holds" and Claim(**claim, ours=0.1).accepted
    assert Claim(**claim, ours=0.2).verdict == "fails" and not Claim(**claim, ours=0.2).accepted
    assert Claim(**claim, ours=0.2, note="why").accepted
    row = {"name": "S", "N": 9, "measured": 1.0, "limit": 0.1}
    assert prediction.Prediction(**row, predicted=1.05).verdict == "yes"
    assert prediction.Prediction(**row, predicted=1.2).as_dict()["verdict"] == "no"
