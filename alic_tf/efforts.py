"""How long an encoder may search: steps of gradient descent, see `refinement`, of each effort."""

STEPS = (0, 15, 30, 60, 100, 160, 250, 400, 700, 1200)
MOST = len(STEPS) - 1
