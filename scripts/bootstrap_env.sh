#!/bin/sh
# Makes your notebook environment, where there is none yet.
# It is `hpchub env bootstrap`, with all its options; ~/.bashrc is changed only with --shell-init.
set -eu

here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=scripts/hpchub_python.sh
. "$here/hpchub_python.sh"
exec "$python" -I "$here/../environments/run.py" env bootstrap --hint "$@"
