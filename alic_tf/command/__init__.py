"""The command lines: `alic`, encoder_decoder.py and train_tf.py."""
