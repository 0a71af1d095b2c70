import bigbath as bb

result = bb.run("entanglement.toml", "entanglement.h5")
S = result.dataset.entanglement_cut.isel(cut=0, realization=0)
middle = S.where(abs(S.energy_density - 0.5) < 0.1)
print(middle.mean("state").to_pandas())             # nats, of at most 5 ln 2 = 3.47
ax = S.sel(W=1.0).plot.scatter(x="energy_density").axes
ax.figure.savefig("entanglement.png")
