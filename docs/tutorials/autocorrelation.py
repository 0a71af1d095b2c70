import bigbath as bb

result = bb.run("autocorrelation.toml", "autocorrelation.h5")
C = result.dataset[["string_autocorrelation", "string_autocorrelation_error"]].isel(realization=0)
print(C.isel(t=slice(0, None, 10)).to_dataframe().to_string())
bb.plot_result(result, "string_autocorrelation").savefig("autocorrelation.png")
