#!/bin/sh
# Adds the site's plugins, such as TensorBoard and IPyParallel, to your notebook environment.
# It is `hpchub env plugins`, with all its options; ~/.bashrc is changed only with --shell-init.
set -eu

here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=scripts/hpchub_python.sh
. "$here/hpchub_python.sh"
exec "$python" -I "$here/../environments/run.py" env plugins --hint "$@"
