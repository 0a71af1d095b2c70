import numpy as np

from bigbath.models import Ring, disorder_stream, scaled
from bigbath.operators import build
from bigbath.studies.coupling import coupling_law


def test_scaled_changes_the_interaction_only():
    composite = Ring(N=6).composite(disorder_stream(1, 0))
    half = scaled(composite, 0.5)
    difference = build(composite).matrix - build(half).matrix - 0.5 * build(composite, "V").matrix
    assert abs(difference).max() < 1e-14
    assert [s.name for s in half.symmetries] == ["reflection"]


def test_entropy_grows_as_the_logarithm_of_the_width():
    law = coupling_law(Ring(N=10).composite(disorder_stream(1, 0)), (0.5, 0.7, 1.0), shell_width=0.3, window=(-4, 4))
    assert np.all(np.diff(law.chi) > 0) and np.all(np.diff(law.observational) > 0)
    assert np.all(law.observational > law.von_neumann) and np.all(law.von_neumann > law.renyi2)
    slope = np.polyfit(np.log(law.chi), law.observational, 1)[0]
    assert 0.7 < slope < 1.1  # 1 by Eq. 38
