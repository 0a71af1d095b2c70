import numpy as np

from bigbath.studies.laws import laws


def test_the_law_fails_without_chaos(tmp_path):
    rows, target = laws(tmp_path, sizes=(7, 10), realizations=1)
    small, large = ({row.model: row for row in rows if row.N == N} for N in (7, 10))
    assert large["ring"].share > 0.3 > large["ring, h = 0"].share > large["ring, g = 0"].share  # Porter-Thomas: 0.48
    assert large["ring"].spread < large["ring, h = 0"].spread
    assert large["ring, h = 0"].share < 0.8 * small["ring, h = 0"].share
    assert large["Imbrie, W = 2"].verdict == "unresolved"  # its width is below the shells'
    fine = large["Imbrie, W = 2, fine shells"]
    assert fine.chi > 0.05 and fine.resolved > 0.5 and fine.share > 0.3
    assert {large[name].verdict for name in ("ring, h = 0", "ring, g = 0", "Imbrie, W = 12")} == {"fails"}
    assert large["Imbrie, W = 2"].gap_ratio > 0.48 and np.isfinite(large["ring"].rms)
    assert target.stat().st_size > 10_000
