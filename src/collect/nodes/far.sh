# What runs on a machine that is reached over ssh. Comments and line ends are taken out before it is sent, so each line ends as a part
# of one line must, and there is no single quote in it.
#
# $1 the machine types that can run the program, as a pattern of the shell; $2 bytes of the key; $3 bytes of the program;
# $4 the line that tells the archive from what a login prints; then options for collect. Key and program come over standard input,
# which then stays open for as long as somebody waits for the archive.
umask 077;
types=$1; key=$2; size=$3; mark=$4; shift 4;
d=;
trap "test -z \"\$d\" || rm -rf \"\$d\"" EXIT;
trap "exit 129" HUP; trap "exit 130" INT; trap "exit 143" TERM; trap "exit 141" PIPE;
here=$(uname -m);
expr "$here" : "\($types\)\$" >/dev/null || { echo "$here" >&2; exit 74; };
for t in "${TMPDIR:-/tmp}" /var/tmp "${HOME:-/}" /dev/shm; do
d=$(mktemp -d "$t/casefile.XXXXXXXXXX") || { d=; continue; };
{ printf "#!/bin/sh\nexit 0\n" >"$d/try" && chmod 700 "$d/try" && "$d/try"; } && break;
rm -rf "$d"; d=;
done;
test -n "$d" || exit 71;
rm -f "$d/try";
dd bs=1 count="$key" of="$d/key" 2>/dev/null;
head -c "$size" >"$d/casefile" || exit 72;
test "$(wc -c <"$d/casefile")" -eq "$size" || exit 72;
chmod 700 "$d/casefile";
"$d/casefile" --version </dev/null >/dev/null || exit 73;
s=; if test "$(id -u)" != 0 && sudo -n true </dev/null >/dev/null 2>&1; then s="sudo -n"; fi;
echo "$mark $(id -u) $s";
$s "$d/casefile" collect --no-cluster --end-with-stdin --redaction-key "$d/key" "$@" -o -;
exit $?
