#!/bin/sh
# The measured comparison of docs/performance.md on a quiet machine, about 50 minutes: tests/benchmarks/quiet.sh PYTHON OUT
# Each step appends to OUT/rows.jsonl or OUT/*.txt at once; started again, it repeats only what is missing there.
set -u
python=$1 out=$2 here=$(dirname "$0")
mkdir -p "$out"
engines() { "$python" "$here/engines.py" --json "$out/rows.jsonl" "$@"; }
filter="bigbath filter" own="bigbath shift-invert, certify = false" mumps="SLEPc + MUMPS"
engines --spins 12 --engines "$filter" > /dev/null  # the compiler's time, once
engines --spins 14 --repeat 3 --engines "$filter" "$own" "$mumps"
engines --spins 16 --repeat 3 --engines "$filter"
engines --spins 16 --k 1000 --engines "$filter" --limit 300
engines --spins 16 --engines "$mumps" --limit 900
engines --spins 18 --engines "$filter" --limit 900
engines --spins 14 --limit 200 --engines "SciPy eigsh(sigma)" "QuSpin eigsh(sigma)"
engines --spins 12 13 --limit 60
engines --ring 15 --engines "$filter" "$own" "$mumps" --limit 120
engines --ring 16 17 --engines "$filter" --limit 300
[ -s "$out/kernel.txt" ] || "$python" "$here/filter.py" kernel --spins 12 14 16 18 | tee "$out/kernel.txt"
[ -s "$out/ranks.txt" ] || "$python" "$here/filter.py" ranks --spins 16 --ranks 1 2 4 | tee "$out/ranks.txt"
"$python" "$here/engines.py" --table "$out/rows.jsonl" > "$out/table.md"
"$python" "$here/engines_figure.py" "$out/rows.jsonl" "$out/engines.png"
