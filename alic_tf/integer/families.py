"""The integer entropy models, by what configurations call their context."""

from alic_tf.integer.channel import ExactChannelModel
from alic_tf.integer.factorized import ExactFactorizedModel
from alic_tf.integer.masked import ExactMaskedModel
from alic_tf.integer.parallel import ExactParallelModel

FAMILIES = {context: family
            for family in (ExactMaskedModel, ExactParallelModel, ExactChannelModel,
                           ExactFactorizedModel)
            for context in family.contexts}
