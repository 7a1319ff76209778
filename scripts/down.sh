#!/usr/bin/env bash
# Stops what up.sh started, and nothing else. With --clean also removes its data: jobs, models, spooled files, topics.
set -uo pipefail
for part in common ports daemons broker cluster sinks; do . "$(dirname "$0")/lib/$part.sh"; done

clean=''
case ${1:-} in
  '') ;;
  --clean) clean=--clean ;;
  -h | --help) usage '[--clean]'; exit ;;
  *) usage '[--clean]' >&2; exit 64 ;;
esac

remove_data() {
  rm -rf "$STACK_DIR/.data" "$RUN_DIR"
  STEP_NOTE='.data and .run removed'
}

hold_lock stack
status=0
step 'Service' stop_daemon service 15 || status=1
! is_cluster_up || step 'Cluster' stop_cluster || status=1
! are_sinks_up || step 'Sinks' stop_sinks || status=1
step 'Broker' stop_broker $clean || status=1
rm -f "$RUN_DIR/env" "$RUN_DIR/service.identity"
if [ -n "$clean" ] && [ $status -eq 0 ]; then
  step 'Data' remove_data || status=1
fi
exit $status
