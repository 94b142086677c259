"""Probability models of latents and their exact, integer counterparts for the coder."""
