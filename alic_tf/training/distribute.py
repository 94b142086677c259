"""Training on several devices or machines by tf.distribute; TensorFlow is imported when needed."""

import itertools
import os

import keras
from keras import ops

from alic_tf import errors
from alic_tf.training.losses import RateDistortion


def make_strategy():
    """The strategy for the machines in TF_CONFIG, or for the devices of this one.

    TensorFlow wants it before it has done anything else.
    """
    import tensorflow as tf

    if "TF_CONFIG" in os.environ:
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.MirroredStrategy()


@keras.saving.register_keras_serializable(package="alic_tf")
class DistributedRateDistortion(RateDistortion):
    """A `RateDistortion` whose batches are shared by the replicas of a strategy.

    Args:
        replicas: their number; what each makes of the loss adds up to that of the batch.
    """

    def __init__(self, *args, replicas, **kwargs):
        super().__init__(*args, **kwargs)
        self.replicas = replicas

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(y_pred=y_pred) / self.replicas

    def compute_metrics(self, *arguments, **options):
        """As Keras, but in vectors: for several workers, Keras takes means along an axis."""
        logs = super().compute_metrics(*arguments, **options)
        return {name: ops.reshape(value, (1,)) for name, value in logs.items()}

    def _maybe_symbolic_build(self, **kwargs):
        """Nothing is left to build, and Keras' way to find out fails with several workers."""


def for_replicas(optimizer_class):
    """The optimizer that judges and clips the gradient of the whole batch, as one worker would.

    Keras clips what each replica has, and adds up the results. Here all replicas have the mean
    gradient by then, and the bound is as many times smaller. It takes their number, `replicas`,
    beside the arguments of its base class.
    """

    class Distributed(optimizer_class):
        def __init__(self, *args, replicas, global_clipnorm, **kwargs):
            super().__init__(*args, global_clipnorm=global_clipnorm / replicas, **kwargs)

        def apply(self, grads, trainable_variables=None):
            import tensorflow as tf

            context = tf.distribute.get_replica_context()
            super().apply(context.all_reduce("MEAN", list(grads)), trainable_variables)

    return Distributed


def distributed(strategy, sampler, first_step=0):
    """The batches of a `CropSampler` from a step on, shared out to all replicas.

    Every worker draws the whole batch and takes its part, so that together they train on what one
    alone would.
    """
    import tensorflow as tf

    count = strategy.num_replicas_in_sync
    if sampler.batch % count:
        raise errors.UsageError(f"--batch must be a multiple of the {count} replicas")
    share, side = sampler.batch // count, sampler.patch
    signature = (
        (
            tf.TensorSpec((share, side, side, 3), tf.uint8),
            tf.TensorSpec((share,), tf.float32),
        ),
    )

    def dataset(context):
        local = count // context.num_input_pipelines
        first = context.input_pipeline_id * local

        def parts():
            for step in itertools.count(first_step):
                crops, quality = sampler(step)
                for replica in range(first, first + local):
                    yield ((crops[replica::count], quality[replica::count]),)

        return tf.data.Dataset.from_generator(parts, output_signature=signature)

    return strategy.distribute_datasets_from_function(dataset)
