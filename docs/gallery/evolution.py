"""Draw the figure: python evolution.py RESULT.h5 FIGURE.png."""

import sys

import matplotlib.pyplot as plt

import bigbath as bb

run = bb.open_run(sys.argv[1])
plt.figure(figsize=(5, 3.4), layout="constrained")
for name, style, label in (("autocorrelation", "o", "exact"), ("autocorrelation_theory", "--", "diffusion theory")):
    mean = run.average(name).squeeze()
    plt.errorbar(mean.time, mean["mean"], mean["error"], fmt=style, label=label)
plt.xlabel("time (1/coupling)"), plt.ylabel("autocorrelation of τᶻ"), plt.legend(frameon=False)
plt.savefig(sys.argv[2], dpi=160)
