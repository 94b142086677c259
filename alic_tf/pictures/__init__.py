"""What comes in and goes out: pictures with alpha and metadata, in files and as Pillow images."""
