#!/bin/sh
# The command `luci`: become the script of `luci run SCRIPT [ARGS...]` where its record proves that nothing has changed,
# else start luci. The first way uses built-ins of sh alone, so that a warm run costs what Python costs.
# luci/runner/launch.py writes the record and tells its form. Names begin with luci_: others may be the script's.

luci_version=0.1.0

luci_become() {
  case $# in 0 | 1) return ;; esac
  case $1 in run) ;; *) return ;; esac
  case $2 in
    '' | -*) return ;;
    /*) luci_script=$2 ;;
    ./*) luci_script=$PWD/${2#./} ;;
    *) luci_script=$PWD/$2 ;;
  esac
  case $luci_script in *//* | */./* | */../* | */. | */..) return ;; esac

  # the variables that would lead to another plan, or another way to run
  case ${LUCI_CONFIG}${LUCI_RUN_RETRY}${LUCI_RUN_RETRY_AFTER_SECONDS}${LUCI_RUN_ATTEMPTS}${LUCI_RUN_PYTHON}${LUCI_RUN_RECORD}\
${LUCI_RUN_LOG_DAYS}${LUCI_RUN_LOG_MB}\
${LUCI_GATE_AGE_DAYS}${LUCI_GATE_RELEASES}${LUCI_GATE_QUARANTINE_DAYS}${LUCI_GATE_BUILDS}\
${LUCI_ENVS_KIND}${LUCI_ENVS_PREFER}${LUCI_ENVS_STRANGERS}${LUCI_CONTAINERS_BASE}${LUCI_CONTAINERS_NETWORK}\
${LUCI_CONDA_CHANNELS}${LUCI_ENVS_SHARE}${LUCI_ENVS_ORPHAN_DAYS}${LUCI_ENVS_UNUSED_DAYS}${LUCI_ENVS_BUDGET_GB}${LUCI_ENVS_PRUNE}\
${LUCI_INDEX_URL}${LUCI_INDEX_EXTRA_URLS}${LUCI_INDEX_FIND_LINKS}${LUCI_INDEX_TIMEOUT_SECONDS}${LUCI_INDEX_TRIES}\
${LUCI_INDEX_FRESH_SECONDS}${LUCI_INDEX_OFFLINE}\
${LUCI_WALLS_SANDBOX}${LUCI_WALLS_TIMEOUT}${LUCI_WALLS_MEMORY}${LUCI_WALLS_CPUS}${LUCI_WALLS_PIDS}${LUCI_WALLS_DISK}${LUCI_WALLS_NETWORK}\
${LUCI_WALLS_READABLE}${LUCI_WALLS_WRITABLE}${LUCI_WALLS_VARIABLES}\
${UV_DEFAULT_INDEX}${UV_INDEX}${UV_INDEX_URL}${PIP_INDEX_URL}${PIP_EXTRA_INDEX_URL} in ?*) return ;; esac

  if [ -n "$LUCI_HOME" ]; then
    luci_state=$LUCI_HOME/state luci_data=$LUCI_HOME/data
  else
    luci_state=${XDG_STATE_HOME:-$HOME/.local/state}/luci luci_data=${XDG_DATA_HOME:-$HOME/.local/share}/luci
  fi
  {
    IFS=' ' read -r luci_form luci_generation luci_key luci_checks luci_files luci_absent luci_roots luci_input &&
      IFS= read -r luci_root && IFS= read -r luci_memory && IFS= read -r luci_paths && IFS= read -r luci_end
  } 2>/dev/null <"$luci_state/warm/$luci_version$luci_script@" || return
  case $luci_form$luci_end in "luci-1end") ;; *) return ;; esac
  case $luci_files$luci_absent$luci_roots in '' | *[!0-9]*) return ;; esac
  luci_checks=$luci_state/warm/checks/$luci_checks

  # input that a second attempt would miss; now and then the ordinary way, which tidies up
  case $luci_input in pipe) [ -p /dev/stdin ] || [ -S /dev/stdin ] && return ;; esac
  case $(($$ % 64)) in 0) return ;; esac

  [ "$luci_checks/late" -nt "$luci_checks/early" ] || return # a shell that compares whole seconds proves nothing
  luci_n=1
  while [ $luci_n -lt "$luci_files" ]; do
    luci_same "$luci_checks/$luci_n" || return
    luci_n=$((luci_n + 1))
  done
  luci_n=0
  while [ $luci_n -lt "$luci_absent" ]; do
    [ -e "$luci_checks/a$luci_n" ] && return
    luci_n=$((luci_n + 1))
  done
  luci_n=0
  while [ $luci_n -lt "$luci_roots" ]; do
    luci_names "$luci_checks/n$luci_n" "$luci_checks/r$luci_n"/requirements*.txt || return
    luci_n=$((luci_n + 1))
  done

  [ "$luci_root" -ef "$luci_data/envs/${luci_root##*/}" ] || return # a copy of a home knows the places of the other

  # first the marker, then whether the environment is still published: see luci/envs/uses.py
  printf '' 2>/dev/null >"$luci_root/uses/$$" || return
  luci_same "$luci_checks/0" || return
  luci_bin=$luci_root/$luci_generation/bin
  [ -x "$luci_bin/python" ] || return
  set -C # a file of this name would be an earlier run's
  printf '%s\0' "$0" _resume '' "$luci_key" "$luci_memory" "$luci_script" "$@" 2>/dev/null >"$luci_state/running/$$" || return
  set +C

  case $LUCI_COMMANDS in ?*) PATH=${PATH#"$LUCI_COMMANDS:"} ;; esac
  export PATH="$luci_bin:$PATH" LUCI_COMMANDS="$luci_bin" LUCI_MEMORY="$luci_memory"
  if [ -d "${luci_bin%/bin}/conda-meta" ]; then # as conda would have it
    export CONDA_PREFIX="${luci_bin%/bin}" CONDA_DEFAULT_ENV="${luci_bin%/bin}" CONDA_SHLVL=1
    unset VIRTUAL_ENV
    [ -e "$CONDA_PREFIX/conda-meta/luci.sh" ] && . "$CONDA_PREFIX/conda-meta/luci.sh"
  else
    export VIRTUAL_ENV="${luci_bin%/bin}"
  fi
  export LUCI_RUN="$$:exec:$luci_state/running/$$"
  unset PYTHONHOME PYTHONPATH __PYVENV_LAUNCHER__ VIRTUAL_ENV_PROMPT
  case $luci_paths in ?*) export PYTHONPATH="$luci_paths" ;; esac
  luci_given=$#
  trap 'luci_not_become "$@"' EXIT
  shift
  exec "$luci_bin/python" "$@"
}

luci_same() {
  [ -e "$1" ] && [ -e "$1.t" ] && ! [ "$1" -nt "$1.t" ] && ! [ "$1" -ot "$1.t" ]
}

# whether the files $2... bear just the names in the folder $1, which says in `count` how many there are
luci_names() {
  luci_folder=$1 luci_seen=
  shift
  for luci_file in "$@"; do
    [ -e "$luci_file" ] || continue
    [ -e "$luci_folder/${luci_file##*/}" ] || return 1
    luci_seen=x$luci_seen
  done
  [ -e "$luci_folder/count-$luci_seen" ]
}

# exec failed, and would end the shell
luci_not_become() {
  trap - EXIT
  [ $# -lt $luci_given ] && set -- run "$@" # some shells are still in the function that dropped the word
  luci_ordinary "$@"
}

luci_ordinary() {
  set +C
  luci_self=$0
  case $luci_self in */*) ;; *) luci_self=$(command -v -- "$luci_self") ;; esac
  while [ -h "$luci_self" ]; do
    luci_link=$(readlink "$luci_self" && echo x)
    luci_link=${luci_link%?x}
    case $luci_link in /*) luci_self=$luci_link ;; *) luci_self=${luci_self%/*}/$luci_link ;; esac
  done
  luci_bin=${luci_self%/*}
  luci_main='import sys; from luci.__main__ import main; sys.exit(main())' # -m luci would take 3 ms more to find it
  for luci_python in "$luci_bin/python3" "$luci_bin/python"; do
    [ -x "$luci_python" ] && exec "$luci_python" -P -E -c "$luci_main" "$@"
  done
  # a user's or the system's own scheme: the folder of its libraries tells which Python it is
  for luci_lib in "$luci_bin"/../lib/python3*/*-packages/luci-*.dist-info; do
    luci_python=${luci_lib#"$luci_bin"/../lib/}
    luci_python=$(command -v "${luci_python%%/*}") && exec "$luci_python" -P -E -c "$luci_main" "$@"
  done
  printf 'error: The Python that luci was installed with is not beside it.\nhint: Install luci again.\n' >&2
  exit 125
}

luci_become "$@"
luci_ordinary "$@"
