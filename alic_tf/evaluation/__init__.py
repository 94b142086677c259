"""Measuring codecs: baselines, rate-distortion curves and reports on them.

    alic evaluate --data kodak/ --out report/                    measures, and writes the report
    python -m alic_tf.evaluation.readme --report report/         takes results into the documents
    python -m alic_tf.evaluation.benchmark --model dwan          times one codec
    python -m alic_tf.evaluation.ablation --data photos/ ...     trains and compares variants
"""
