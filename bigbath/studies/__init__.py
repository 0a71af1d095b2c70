"""Ready studies of the papers: their jobs, figures and printed numbers."""
