"""Qualities as files store them: whole steps, several between two whole qualities."""

# As many as a file can tell apart.
STEPS_PER_QUALITY = 8
# Where nobody asks for another: about a third of a bit per pixel.
DEFAULT_QUALITY = 4.0


def quality_of_step(step):
    """Real quality, from 1, of a whole step, from 0 (or an array of them)."""
    return 1.0 + step / STEPS_PER_QUALITY


def step_of_quality(quality, qualities):
    """Nearest step of a real quality, which is brought into 1..qualities first."""
    quality = min(max(float(quality), 1.0), float(qualities))
    return round((quality - 1.0) * STEPS_PER_QUALITY)
