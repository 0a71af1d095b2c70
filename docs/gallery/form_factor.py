"""Draw the figure: python form_factor.py RESULT.h5 FIGURE.png."""

import sys

import matplotlib.pyplot as plt
import numpy as np

import bigbath as bb

K = bb.disorder_average(bb.open_run(sys.argv[1]).dataset).squeeze()
early = np.linspace(0.004, 1, 200)
plt.figure(figsize=(5, 3.4), layout="constrained")
plt.loglog(K.tau, K.K, color="0.7", label="all of it")
plt.loglog(K.tau, K.K_connected, color="#0072b2", label="connected")
plt.loglog(early, 2 * early - early * np.log1p(2 * early), "k--", label="random matrices (GOE), τ < 1")
plt.xlabel("time τ / Heisenberg time"), plt.ylabel("form factor K"), plt.legend(frameon=False)
plt.savefig(sys.argv[2], dpi=160)
