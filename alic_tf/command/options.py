"""Flags that several commands share."""

from alic_tf import flags
from alic_tf.flags import Flag

OUTPUT = Flag("string", "output", None, "PATH", "file or folder to write; by default beside the "
              "input. Its ending chooses among PNG, JPEG, WebP, TIFF and what else Pillow writes",
              short="o")  # fmt: skip
MODEL = Flag("string", "model", "dwan", "NAME", "model: a name, or the folder of an exported one; "
             "a file to decode names its own, unless this flag is given", short="m")  # fmt: skip
DROP_METADATA = Flag("boolean", "drop_metadata", False, "", "leave out EXIF, XMP and ICC profile, "
                     "the latter by converting to sRGB")  # fmt: skip
OVERWRITE = Flag("boolean", "overwrite", False, "", "replace files that exist")
JOBS = Flag("integer", "jobs", 1, "N", "work on so many files at once", "", (1, 256), "j")
RECURSIVE = Flag("boolean", "recursive", False, "", "also the files in folders within folders, "
                 "which --output mirrors; what is skipped is named", short="r")  # fmt: skip
JSON = Flag("boolean", "json", False, "", "print a JSON object per file instead of lines of text")
QUIET = Flag("boolean", "quiet", False, "", "print nothing but warnings and errors")
DRY_RUN = Flag("boolean", "dry_run", False, "", "check the request, print which files would be "
               "written, and write none")  # fmt: skip
OF_FILES = (RECURSIVE, JSON, QUIET)
OF_WORK = (OVERWRITE, JOBS, *OF_FILES, DRY_RUN, flags.HELP)
