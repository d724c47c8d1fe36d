# Read by the scripts beside it, which have set `here`: sets `python` to the interpreter that hpchub is
# installed in, and names the site's file where the whole deployment is one folder.
# shellcheck shell=sh disable=SC2034,SC2154

python=""
if [ -n "${HPCHUB_PYTHON:-}" ]; then
    python=$HPCHUB_PYTHON
else
    for candidate in "$here/../venv" "$here/../.venv" "$here/../../venv"; do
        if [ -x "$candidate/bin/python" ]; then
            python=$candidate/bin/python
            break
        fi
    done
fi
if [ -z "$python" ] && command -v hpchub >/dev/null 2>&1; then
    # What pip installed begins with the interpreter that it was installed for.
    python=$(sed -n '1s/^#!//p' "$(command -v hpchub)")
fi
if [ -z "$python" ] || [ ! -x "$python" ]; then
    echo "${0##*/}: no Python with hpchub in it was found; set HPCHUB_PYTHON to one" >&2
    exit 1
fi
if [ -z "${HPCHUB_ENVIRONMENTS:-}" ] && [ ! -e /etc/hpchub/environments.toml ] &&
    [ -r "$here/../../etc/environments.toml" ]; then
    HPCHUB_ENVIRONMENTS=$here/../../etc/environments.toml
    export HPCHUB_ENVIRONMENTS
fi
