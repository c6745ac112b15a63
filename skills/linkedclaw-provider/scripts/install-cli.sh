#!/bin/sh
# Puts the linkedclaw command on this machine, or finds that it is there. Prints one line of JSON:
#   {"installed":true,"method":"…","version":"…"}    exit 0
#   {"installed":false,"method":"…","error":"…"}     exit 1
#
# LINKEDCLAW_CLI_PACKAGE  what npm installs; by default <server>/cli.tgz
# LINKEDCLAW_CLOUD_URL    the server; by default the one in the configuration, else http://127.0.0.1:8787
# LINKEDCLAW_MIN_VERSION  an older command counts as none; by default 0.2.6
# LINKEDCLAW_UPDATE=1     look for a newer one; otherwise a command that is there is left alone, without any network
# ALLOW_SUDO=1            as a last resort, try sudo (it never asks for a password)
set -u

MIN_VERSION=${LINKEDCLAW_MIN_VERSION:-0.2.6}
OWN_PREFIX=$HOME/.npm-global

# answer true|false METHOD [NAME VALUE]…   A name that begins with @ takes JSON.
answer() {
  installed=$1 method=$2
  shift 2
  facts='{}'
  while [ $# -gt 1 ]; do
    case $1 in
      @*) facts=$(printf '%s' "$facts" | jq -c --arg n "${1#@}" --argjson v "$2" '.[$n] = $v') ;;
      *) facts=$(printf '%s' "$facts" | jq -c --arg n "$1" --arg v "$2" '.[$n] = $v') ;;
    esac
    shift 2
  done
  printf '%s' "$facts" | jq -c --argjson i "$installed" --arg m "$method" '{installed: $i, method: $m} + .'
  [ "$installed" = true ]
  exit $?
}

# The last word of what --version says; nothing where the command is not there or does not run.
version_of() { "$1" --version 2>/dev/null | awk 'NF { last = $NF } END { print last }'; }

# at_least A B: whether version A is B or newer.
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Every linkedclaw on PATH, in its order, as a JSON array.
found_paths() {
  printf '%s' "$PATH" | tr ':' '\n' | while IFS= read -r directory; do
    [ -x "${directory:-.}/linkedclaw" ] && printf '%s\n' "${directory:-.}/linkedclaw"
  done | jq -Rnc '[inputs]'
}

server() {
  if [ -n "${LINKEDCLAW_CLOUD_URL:-}" ]; then
    printf '%s' "${LINKEDCLAW_CLOUD_URL%/}"
    return
  fi
  config=${LINKEDCLAW_CONFIG_DIR:-$HOME/.linkedclaw}/config.yaml
  stored=$(awk '$1 == "cloudUrl:" { gsub(/["'\'']/, "", $2); print $2; exit }' "$config" 2>/dev/null)
  stored=${stored:-http://127.0.0.1:8787}
  printf '%s' "${stored%/}"
}

# What version npm would install; nothing where it cannot say, as without a network.
newest_version() {
  case $PACKAGE in
    *://* | *.tgz)
      npm pack --dry-run --json "$PACKAGE" 2>/dev/null | jq -r '.[0].version // empty' 2>/dev/null
      ;;
    *) npm view "$PACKAGE" version 2>/dev/null | tail -n 1 ;;
  esac
}

# npm warns of much that does no harm: only its exit code counts.
errors=
npm_install() {
  said=$(npm install -g "$@" 2>&1 >/dev/null)
  code=$?
  [ $code -eq 0 ] || errors=$said
  return $code
}

# finish METHOD [NAME VALUE]…: after an installation, whether the command that is found is a good one.
finish() {
  method=$1
  shift
  hash -r
  if ! command -v linkedclaw >/dev/null 2>&1; then
    answer false "$method" error "npm installed the package, but there is no linkedclaw on PATH" "$@"
  fi
  version=$(version_of linkedclaw)
  if [ -z "$version" ]; then
    answer false "$method" error "linkedclaw is there but does not run: $(command -v linkedclaw)" "$@"
  fi
  if ! at_least "$version" "$MIN_VERSION"; then
    answer false stale-on-path version "$version" min_version "$MIN_VERSION" \
      @found_paths "$(found_paths)" \
      error "an older linkedclaw comes first on PATH: $(command -v linkedclaw)"
  fi
  answer true "$method" version "$version" "$@"
}

if ! command -v jq >/dev/null 2>&1; then
  printf '%s\n' '{"installed":false,"method":"none","error":"jq not found on PATH; install jq first"}'
  exit 1
fi
PACKAGE=${LINKEDCLAW_CLI_PACKAGE:-$(server)/cli.tgz}

# 1. It is there. Nothing that goes wrong while looking for a newer one makes it worse.
if command -v linkedclaw >/dev/null 2>&1; then
  version=$(version_of linkedclaw)
  if [ -n "$version" ] && at_least "$version" "$MIN_VERSION"; then
    [ "${LINKEDCLAW_UPDATE:-}" = 1 ] || answer true already-installed version "$version"
    newest=$(newest_version)
    if [ -z "$newest" ] || at_least "$version" "$newest"; then
      answer true already-installed version "$version"
    fi
    npm_install "$PACKAGE"
    hash -r
    now=$(version_of linkedclaw)
    if [ -n "$now" ] && [ "$now" != "$version" ] && at_least "$now" "$MIN_VERSION"; then
      answer true updated version "$now" from "$version"
    fi
    answer true already-installed version "$version" \
      update_skipped "$newest could not be installed, or another linkedclaw comes first on PATH"
  fi
fi

# 2. npm does the rest.
if ! command -v npm >/dev/null 2>&1; then
  answer false none error "npm not found on PATH; install Node.js first"
fi

# 3. Where npm installs by default.
if npm_install "$PACKAGE"; then finish global; fi

# 4. Where that belongs to somebody else: a directory of one's own.
case $errors in
  *EACCES* | *EPERM* | *"ermission denied"*)
    if npm_install --prefix "$OWN_PREFIX" "$PACKAGE"; then
      PATH=$OWN_PREFIX/bin:$PATH
      export PATH
      finish npm-global path_hint "export PATH=\"$OWN_PREFIX/bin:\$PATH\""
    fi
    ;;
esac

# 5. Only where it was allowed.
if [ "${ALLOW_SUDO:-}" = 1 ] && command -v sudo >/dev/null 2>&1; then
  if said=$(sudo -n npm install -g "$PACKAGE" 2>&1 >/dev/null); then finish sudo; fi
  errors="$errors $said"
fi

tail_of_errors=$(printf '%s' "$errors" | tr '\r\n' '  ' | tail -c 200)
answer false none error "${tail_of_errors:-npm install failed}"
