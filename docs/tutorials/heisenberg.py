import bigbath as bb

result = bb.run("heisenberg.toml", "heisenberg.h5")
print(result.average("gap_ratio")["mean"].isel(sector=0).to_pandas())
bb.plot_result(result, "gap_ratio").savefig("heisenberg.png")
