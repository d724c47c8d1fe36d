#!/bin/sh
# Makes your notebook environment anew; your workspace and all else outside of it stay.
# It is `hpchub env reset`, with all its options; ~/.bashrc is changed only with --shell-init.
set -eu

here=$(dirname -- "$(readlink -f -- "$0")")
# shellcheck source=scripts/hpchub_python.sh
. "$here/hpchub_python.sh"
exec "$python" -I "$here/../environments/run.py" env reset --hint "$@"
