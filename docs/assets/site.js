// Formulas that arithmatex marked are rendered by KaTeX, which comes with the site.
document.addEventListener("DOMContentLoaded", () => {
  for (const formula of document.querySelectorAll(".arithmatex")) {
    const text = formula.textContent.trim()
    const display = text.startsWith("\\[")
    katex.render(text.slice(2, -2), formula, { displayMode: display, throwOnError: false })
  }
})
