#!/bin/bash
# Whether a server has a model and takes requests: `bash healthy.sh HOST PORT MODEL`. The image of
# TensorFlow Serving has neither curl nor Python.
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf 'GET /v1/models/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$3" "$1" >&3
grep --quiet '"state": *"AVAILABLE"' <&3
