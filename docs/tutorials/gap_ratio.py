import bigbath as bb

result = bb.run("gap_ratio.toml", "gap_ratio.h5")   # computes what is missing
r = result.average("gap_ratio").isel(sector=0)      # over the realizations
for W in r.W.values:
    one = r.sel(W=W)
    print(f"W = {W:3.1f}: r = {float(one['mean']):.3f} ± {float(one.error):.3f}")
bb.plot_result(result, "gap_ratio").savefig("gap_ratio.png")
