"""Measuring codecs: metrics of quality, baselines, rate-distortion curves."""
