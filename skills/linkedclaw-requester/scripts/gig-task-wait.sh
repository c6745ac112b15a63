#!/bin/sh
# Waits until a broadcast has come so far: looks at it again and again, and never creates anything.
#
#   gig-task-wait.sh TASK_ID [--until FIELD=N] [--total-seconds S] [--poll-seconds S]
#
# FIELD is accepted_count, completed_count or approved_count. Without being told otherwise it waits for
# completed_count=1, up to 600 seconds, and looks every 15.
# Exit 0: it has; the task is on stdout. 1: it has not in that time, or the task could not be read; the
# latest task, or the error, is on stdout. 2: it was not asked correctly; the error is on stderr.
set -u

usage() {
  printf '{"error":{"code":"usage_error","message":"%s"}}\n' "$1" >&2
  exit 2
}

is_number() {
  case $1 in
    '' | *[!0-9]*) return 1 ;;
    *) [ "${#1}" -le 9 ] ;;
  esac
}

task= field=completed_count wanted=1 total=600 poll=15
while [ $# -gt 0 ]; do
  case $1 in
    --until | --total-seconds | --poll-seconds)
      [ $# -gt 1 ] || usage "$1 needs a value"
      case $1 in
        --until) field=${2%%=*} wanted=${2#*=} ;;
        --total-seconds) total=$2 ;;
        --poll-seconds) poll=$2 ;;
      esac
      shift 2
      ;;
    -*) usage "there is no such option; see the head of this script" ;;
    *)
      [ -z "$task" ] || usage "name one task"
      task=$1
      shift
      ;;
  esac
done
[ -n "$task" ] || usage "name a task"
case $field in
  accepted_count | completed_count | approved_count) ;;
  *) usage "--until takes accepted_count, completed_count or approved_count, as FIELD=N" ;;
esac
is_number "$wanted" || usage "--until takes a whole number, as FIELD=N"
is_number "$total" || usage "--total-seconds takes a whole number"
is_number "$poll" && [ "$poll" -gt 0 ] || usage "--poll-seconds takes a whole number above 0"
command -v jq >/dev/null 2>&1 || usage "jq not found on PATH; install jq first"

deadline=$(($(date +%s) + total))
while :; do
  if ! record=$(linkedclaw gig-task get "$task" 2>&1); then
    printf '%s\n' "$record"
    exit 1
  fi
  count=$(printf '%s' "$record" | jq -r --arg field "$field" '.[$field] // 0' 2>/dev/null) || count=0
  is_number "$count" || count=0
  if [ "$count" -ge "$wanted" ]; then
    printf '%s\n' "$record"
    exit 0
  fi
  left=$((deadline - $(date +%s)))
  if [ "$left" -le 0 ]; then
    printf '%s\n' "$record"
    exit 1
  fi
  [ "$left" -lt "$poll" ] && pause=$left || pause=$poll
  sleep "$pause"
done
