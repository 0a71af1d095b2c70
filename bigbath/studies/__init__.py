"""The two papers as ready studies: jobs, figures, tables of printed numbers."""
