"""Jobs, run: realizations, communicators, estimates."""
