"""Listening tests with the picture: made, served, reported. A room of its own beside the jobs."""
