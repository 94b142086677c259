"""The bytes of an .alic file, in pure Python."""
