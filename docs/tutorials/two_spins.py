import bigbath as bb

model = bb.draw(bb.load_job("two_spins.toml").model)
states, bath = (bb.solve(bb.build(model, part), bb.Whole()) for part in ("H", "B"))
S = bb.observational_entropy(states, bath, shell_width=1.0)
print(S[["observational", "shannon"]].mean("bath_state").to_pandas())
