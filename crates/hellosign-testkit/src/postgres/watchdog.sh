# Ends a cluster, and removes it, when nobody uses it any more, however they went.
#
# users: a file that all who use it hold a lock on, as long as they live
# gate: a file that is locked by whoever begins to use it
# grace: seconds that it may go without any use
# directory: what is removed; the cluster's data directory is in it
set -u
users=$1 gate=$2 grace=$3 directory=$4
data=$directory/data

while :; do
  flock "$users" true
  sleep "$grace"
  exec 9>>"$gate"
  flock 9
  if flock -n "$users" true; then break; fi
  exec 9>&-
done

# All of the cluster's processes work in its data directory, and nothing else does.
processes() {
  find /proc -maxdepth 2 -name cwd -lname "$data" 2>/dev/null | cut -d / -f 3
}
end_all() {
  for signal in CONT "$1"; do
    for process in $2; do kill -s "$signal" "$process" 2>/dev/null; done
  done
}
# Told to quit, the first of them takes its shared memory along.
end_all QUIT "$(processes)"
tries=100
while [ -n "$(processes)" ] && [ "$tries" -gt 0 ]; do
  sleep 0.05
  tries=$((tries - 1))
done
while [ -n "$(processes)" ]; do
  end_all KILL "$(processes)"
  sleep 0.05
done
# Where it was killed, the shared memory is still there.
segment=$(sed -n 7p "$data/postmaster.pid" 2>/dev/null | awk '{ print $2 }')
[ -z "$segment" ] || ipcrm -m "$segment" 2>/dev/null
rm -rf "$directory"
