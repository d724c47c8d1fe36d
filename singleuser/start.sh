#!/bin/bash
# Runs first on the node, in a container image or not: hooks, the settings that users of Jupyter's Docker
# images know by name, then the notebook server. Its arguments are the server's interpreter, the launcher and
# what the launcher is given. docs/images.md says what of this is whose idea, and what it is for.
#
# There is no `set -eu`: hooks are sourced into this shell and are written without it. Names that begin with
# hpchub_ are ours, so that a hook does not meet them by chance.

hpchub_command=("$@")
# The workspace; not every container runtime begins where the job does.
cd -- "${JUPYTERHUB_ROOT_DIR:-.}" 2>/dev/null || :
hpchub_folder=$PWD
hpchub_hooks=(
    # The image's, or the node's where there is no image.
    /usr/local/bin/start-notebook.d
    /usr/local/bin/before-notebook.d
    "${XDG_CONFIG_HOME:-$HOME/.config}/hpchub/before-notebook.d"
)
hpchub_now=

hpchub_say() {
    printf 'start.sh: %s\n' "$*" >&2
}

# What the hub needs of the server: it would never hear of one whose token or address a hook has replaced.
hpchub_ours=("${!JUPYTERHUB_@}" "${!JPY_@}" "${!HPCHUB_@}")
hpchub_kept=
if [ ${#hpchub_ours[@]} -gt 0 ]; then
    hpchub_kept=$(declare -p "${hpchub_ours[@]}")
fi

hpchub_is_ours() {
    local name
    for name in "${hpchub_ours[@]}"; do
        [ "$name" != "$1" ] || return 0
    done
    return 1
}

# Commands in a notebook (`!pip`) are those of the server's own environment.
hpchub_find_commands() {
    local folder=${hpchub_command[0]%/*}
    case ":$PATH:" in
    ":$folder:"*) ;;
    *) export PATH="$folder:$PATH" ;;
    esac
}

# What the user has installed for the node's Python does not fit the image's, and the other way round.
hpchub_part_from_the_node() {
    [ -z "${HPCHUB_IMAGE:-}" ] || export PYTHONUSERBASE="$HOME/.local/share/hpchub/images/$HPCHUB_IMAGE"
}

hpchub_unset() {
    local name
    for name in ${JUPYTER_ENV_VARS_TO_UNSET//,/ }; do
        if hpchub_is_ours "$name"; then
            hpchub_say "JUPYTER_ENV_VARS_TO_UNSET: $name stays, the hub needs it"
        elif [[ $name =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]]; then
            unset "$name"
        else
            hpchub_say "JUPYTER_ENV_VARS_TO_UNSET: '$name' is no name of a variable"
        fi
    done
    unset JUPYTER_ENV_VARS_TO_UNSET
}

hpchub_mask() {
    [ -n "${NB_UMASK:-}" ] || return 0
    if [[ $NB_UMASK =~ ^0?[0-7]{3}$ ]]; then
        umask "$NB_UMASK"
    else
        hpchub_say "NB_UMASK is '$NB_UMASK', which is not three octal digits; the umask stays $(umask)"
    fi
}

# The job goes on until it is stopped from outside; a server that ends is started again, on the same port, for
# the hub takes no other. A server that the hub does not want does not come back.
hpchub_keep_running() {
    local child='' status stopping='' began pause=1
    HPCHUB_PORT_FILE=$(mktemp) && export HPCHUB_PORT_FILE
    trap 'stopping=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT HUP
    trap 'rm -f "$HPCHUB_PORT_FILE"' EXIT
    while [ -z "$stopping" ]; do
        began=$SECONDS
        # Without this the server, and every kernel after it, would ignore the signal that interrupts a cell.
        (
            trap - EXIT TERM INT HUP QUIT
            exec "${hpchub_command[@]}"
        ) &
        child=$!
        # A signal ends the waiting, and not yet the server.
        while wait "$child"; status=$?; kill -0 "$child" 2>/dev/null; do :; done
        child=
        [ "$(cat "$HPCHUB_PORT_FILE" 2>/dev/null)" != refused ] || exit 1
        [ -z "$stopping" ] || break
        # launch.py: the environment is broken, and will not mend by itself.
        [ "$status" != 66 ] || exit 66
        [ $((SECONDS - began)) -lt 60 ] || pause=1
        hpchub_say "the server ended with status $status; RESTARTABLE=yes: starting it again in $pause s"
        sleep "$pause" &
        child=$!
        wait "$child"
        child=
        pause=$((pause < 32 ? 2 * pause : 60))
    done
    exit "${status:-143}"
}

hpchub_serve() {
    trap - EXIT
    set +eu
    cd -- "$hpchub_folder" || cd /
    # Made local to this function, and exported as they were: what is started here sees these and no others.
    eval "$hpchub_kept"
    hpchub_unset
    hpchub_mask
    [ "${RESTARTABLE:-}" != yes ] || hpchub_keep_running
    exec "${hpchub_command[@]}"
}

# The launcher comes back for RESTARTABLE in the user's settings file, which it reads.
[ -z "${HPCHUB_HOOKS_DONE:-}" ] || hpchub_serve
hpchub_find_commands
hpchub_part_from_the_node
# A hook that calls `exit`, or fails after `set -e`, ends this shell; the server starts all the same.
trap 'hpchub_say "$hpchub_now ended the start script; going on without further hooks"; hpchub_serve' EXIT
# Not in a function: what a hook declares would be local to it.
for hpchub_where in "${hpchub_hooks[@]}"; do
    for hpchub_now in "$hpchub_where"/*; do
        [ -f "$hpchub_now" ] || continue
        case $hpchub_now in
        *.sh)
            hpchub_say "hook $hpchub_now"
            # shellcheck source=/dev/null
            source "$hpchub_now"
            ;;
        *)
            if [ ! -x "$hpchub_now" ]; then
                hpchub_say "$hpchub_now is neither NAME.sh nor executable: left out"
                continue
            fi
            hpchub_say "hook $hpchub_now"
            "$hpchub_now"
            ;;
        esac
        hpchub_status=$?
        set +eu
        [ $hpchub_status = 0 ] || hpchub_say "hook $hpchub_now failed with status $hpchub_status; going on"
    done
done
hpchub_serve
