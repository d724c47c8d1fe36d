#!/bin/bash
# Runs a command inside a conda environment: enter.sh [--server] NAME ADDRESS COMMAND...
#
# ADDRESS is where the environment is for everybody, a link to the state of it that is in use. It is followed
# here, when the command starts: what runs keeps its state when the link moves on, and what starts later has
# the new one. The word @python@ of COMMAND becomes the environment's interpreter.
#
# With --server it ends with 66 (sysexits.h: EX_NOINPUT) where no notebook server can be started; the hub
# knows that number (spawner/endings.py).
set -u
server=
if [ "$1" = --server ]; then
  server=yes
  shift
fi
name=$1 address=$2
shift 2

cannot() {
  printf 'hpchub: the environment “%s” (%s) cannot be used: %s\n' "$name" "$address" "$1" >&2
  exit 66
}

prefix=$(cd -P -- "$address" 2>/dev/null && pwd -P) || cannot 'it is not there'
[ -x "$prefix/bin/python" ] || cannot 'there is no Python in it'
# -I: neither the folder that we are in nor ~/.local counts.
probe='import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ("jupyterhub", "jupyter_server"))))'
if [ "$server" ] && ! "$prefix/bin/python" -I -c "$probe"; then
  cannot 'its Python does not start, or there is no notebook server in it (jupyterhub and jupyter_server)'
fi

# What packages do when conda activates their environment, such as naming their data's folder. They are not
# ours, so what goes wrong in them is theirs as well.
run_hooks() {
  local hook
  for hook in "$1"/*.sh; do
    if [ -r "$hook" ]; then
      # shellcheck disable=SC1090
      set +u; . "$hook"; set -u
    fi
  done
}

if [ "${CONDA_PREFIX:-}" ] && [ "$CONDA_PREFIX" != "$prefix" ]; then
  # A kernel that is started by a server of another environment.
  run_hooks "$CONDA_PREFIX/etc/conda/deactivate.d"
  PATH=:$PATH:
  PATH=${PATH//":$CONDA_PREFIX/bin:"/:}
  PATH=${PATH#:} PATH=${PATH%:}
fi
unset PYTHONHOME VIRTUAL_ENV
export PATH="$prefix/bin:$PATH" CONDA_PREFIX="$prefix" CONDA_DEFAULT_ENV="$name" CONDA_SHLVL=1
# Packages in ~/.local are found before those of the environment, for every environment of the same Python
# version: one `pip install --user`, years ago, and none of them works.
export PYTHONNOUSERSITE=1
run_hooks "$prefix/etc/conda/activate.d"

words=()
for word in "$@"; do
  [ "$word" = @python@ ] && word="$prefix/bin/python"
  words+=("$word")
done
exec "${words[@]}"
