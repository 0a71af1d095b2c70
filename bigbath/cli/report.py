"""One self-contained page about a result: no script, no request to another host."""

import base64
import io
import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from bigbath.job import resolved
from bigbath.plots import plot_result
from bigbath.plots.means import certified, means, point_labels, shown, with_error
from bigbath.plots.naming import name_of, unit_of
from bigbath.plots.registry import panels_of
from bigbath.store import Result
from bigbath.tasks import tasks_of

CSS = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #1a1a1a; background: #fff }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere } h2 { margin-top: 2.2rem; font-size: 1.15rem }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); gap: 1rem 2rem; align-items: end }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
th { font-weight: 600 } figure { margin: 0; min-width: 0 }
img { max-width: 100%; height: auto } figcaption { font-size: .85rem; color: #555 }
pre { overflow-x: auto; background: #f5f5f5; padding: .8rem; font-size: .8rem }
.yes { color: #00664b; font-weight: 600 } .no { color: #b03a00; font-weight: 600 }
"""


def page(result: Result) -> str:
    """The page as HTML."""
    title = result.job.title or result.job.model.name
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(result.path.name if result.path else '')}, job <code>{result.job_hash}</code>; "
        f"{len(result.tasks)} of {len(tasks_of(result.job))} tasks.</p>",
        _section("Evidence", _evidence(result)),
        _section("Figures", _figures(result)),
        _section("Numbers", _numbers(result)),
        _section("Cost", _cost(result)),
        _section("Job", f"<pre>{escape(json.dumps(_present(resolved(result.job)), indent=2))}</pre>"),
        _section("Provenance", f"<pre>{escape(json.dumps(result.provenance, indent=2))}</pre>"),
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{escape(title)}</title>\n'
        f"<style>{CSS}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _section(title: str, content: str) -> str:
    return f"<h2>{title}</h2>\n{content}"


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table that scrolls on its own when the page is narrow."""
    top = "".join(f"<th>{escape(str(cell))}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _evidence(result: Result) -> str:
    parts = []
    for part in ("spectrum", "bath"):
        if found := certified(result, part):
            whole = found["yes"] == found["tasks"]
            parts.append(
                f'<p>{part}: <span class="{"yes" if whole else "no"}">{found["yes"]} of {found["tasks"]} windows certified'
                f"</span>, {found['states']:,} states, largest residual {found['residual']:.1e}, orthogonality "
                f"{found['orthogonality']:.1e}, engine {escape(', '.join(found['engines']))}.</p>"
            )
            if found["not_certified"]:
                parts.append(_table(("not certified", "reason"), found["not_certified"].items()))
    return "\n".join(parts)


def _figures(result: Result) -> str:
    parts = []
    chief, besides = panels_of(result)
    for name in (*chief, *(["levels"] if "levels" in besides else [])):
        content = io.BytesIO()
        plot_result(result, name).savefig(content, format="png", dpi=160)
        picture = base64.b64encode(content.getvalue()).decode()
        words = escape(name_of(name))
        parts.append(
            f'<figure><img alt="{words}" width="520" src="data:image/png;base64,{picture}"><figcaption>{words}</figcaption></figure>'
        )
    return '<div class="figures">\n' + "\n".join(parts) + "\n</div>"


def _numbers(result: Result) -> str:
    points = point_labels(result)
    keys = list(points[0])
    rows = [
        [*(shown(points[m.point][k]) for k in keys), m.name, with_error(m.mean, m.error), unit_of(m.variable), m.count]
        for m in means(result)
    ]
    return "<p>Means over states, with standard errors over realizations.</p>" + _table(
        (*result.swept.values(), "number", "mean", "unit", "realizations"), rows
    )


def _cost(result: Result) -> str:
    """Time and memory of the tasks, from their own records."""
    records = [json.loads(ds.attrs["provenance"]) for ds in result.tasks.values() if "provenance" in ds.attrs]
    seconds = [record["seconds"].get("total", 0.0) for record in records]
    peaks = [record.get("peak_memory_bytes", 0) for record in records]
    if not records:
        return "<p>Not recorded.</p>"
    rows = [
        ("tasks", len(records)),
        ("seconds of all tasks", f"{sum(seconds):.1f}"),
        ("seconds of the longest task", f"{max(seconds):.1f}"),
        ("largest memory of a process", f"{max(peaks) / 2**20:.0f} MB"),
    ]
    if total := result.provenance.get("seconds", {}).get("total"):
        rows.append(("seconds from start to end of the last run", f"{total:.1f}"))
    return _table(("cost", ""), rows)


def _present(value: Any) -> Any:
    """JSON data without what is absent."""
    if isinstance(value, dict):
        return {k: _present(v) for k, v in value.items() if v is not None}
    return value
