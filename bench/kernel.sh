#!/bin/bash
# Compares this server with ksmbd and smbd by the Linux kernel's client and fio, all of them
# in one small VM, over its loopback, on the same tmpfs. Prints a table in Markdown.
#
#   bench/kernel.sh              mounted three times: plain, sign, seal
#   bench/kernel.sh seal         some of them
#
# It needs smbvm and compare-servers.sh beside it, which are kept outside this repository
# (SMBVM, default ../shared/vm/smbvm), set up once with `smbvm setup`. Emulated, a figure
# says something only beside the others of its line. Variables:
#
#   KERNEL_OUT=DIR            where figures and logs go (default: a new one in /tmp)
#   KERNEL_PEERS=ksmbd,smbd   the servers to compare with
#   KERNEL_ROUNDS=3           times that each server is measured; the medians are printed
#   KERNEL_SIZE=128           MiB of the file
#   KERNEL_SECS=8             seconds of each kind of random access
#   KERNEL_DEPTH=32           requests at a time of random access
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
smbvm=${SMBVM:-$here/../../shared/vm/smbvm}
compare=$(dirname "$smbvm")/compare-servers.sh
peers=${KERNEL_PEERS:-ksmbd,smbd}
mounts=("$@")
[ $# -gt 0 ] || mounts=(plain sign seal)
declare -A options=([plain]=vers=3.1.1 [sign]=vers=3.1.1,sign [seal]=vers=3.1.1,seal)

[ -x "$compare" ] || { echo "kernel.sh: no $compare: name smbvm with SMBVM" >&2; exit 2; }
for m in "${mounts[@]}"; do
	[ -n "${options[$m]:-}" ] || { echo "kernel.sh: don't know the mount $m: plain, sign or seal" >&2; exit 2; }
done
out=${KERNEL_OUT:-$(mktemp -d /tmp/smb-bench-kernel.XXXXXX)}
mkdir -p "$out"
out=$(readlink -f "$out")
work=$(mktemp -d /tmp/smb-bench-work.XXXXXX) # on the disk: the guest sees it
trap 'rm -rf "$work"' EXIT
(cd "$here/.." && CGO_ENABLED=0 go build -o "$work/server" ./examples/server)

# compare-servers.sh has 8 requests at a time, and doesn't print how long they take. The
# guest finds this fio first.
cat >"$work/fio" <<EOS
#!/bin/bash
$(command -v fio) "\${@/--iodepth=8/--iodepth=${KERNEL_DEPTH:-32}}" || exit
name=\$(sed -n 's/^ *"jobname" : "\(.*\)",*$/\1/p' "\$WORK/fio.json")
awk -v n="\$name" -v p="\$PORT" '/"99.000000"/ { gsub(/[^0-9]/, "", \$3); if (\$3 > m) m = \$3 }
	END { s = p == 445 ? "ksmbd" : p == 4450 ? "smbd" : "own"
	  f = n == "rr" ? "randread" : n == "rw" ? "randwrite" : n == "r" ? "seqread" : "seqwrite"
	  printf "1\t%s\t%s-p99\t%.3f\tms\n", s, f, m / 1e6 }' "\$WORK/fio.json" >>"\$SMB_OUT/p99.tsv"
EOS
chmod +x "$work/fio"

status=0
# This server comes last: at the first mount the guest loads its ciphers, which may take it
# longer than the time that this server gives for a logon.
for m in "${mounts[@]}"; do
	rm -rf "${out:?}/$m" # SMBVM means to compare-servers.sh that it is in the guest
	env -u SMBVM "$compare" --out "$out/$m" --servers "$peers,own" --opts "${options[$m]}" --rounds "${KERNEL_ROUNDS:-3}" \
		--size "${KERNEL_SIZE:-128}" --secs "${KERNEL_SECS:-8}" \
		--cmd own "exec $work/server -listen 127.0.0.1:\$PORT -share test=\$SHARE_DIR -user \$SMB_USER:\$SMB_PASS -signing offered" \
		-- --timeout 7200 --env "PATH=$work:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" >&2 || status=1
	sed "s/^/$m\t/" "$out/$m/results.tsv" "$out/$m/p99.tsv"
done >"$out/all.tsv"

# One line for each mount and figure; the ratios are of this server to each other.
echo "kernel.sh: figures and logs in $out" >&2
sort -t$'\t' -k5,5g "$out/all.tsv" | awk -F'\t' -v servers="own,$peers" -v mounts="${mounts[*]}" '
	{ k = $1 SUBSEP $4 SUBSEP $3; v[k, ++n[k]] = $5; unit[$4] = $6 }
	function median(k) { return n[k] ? (v[k, int((n[k] + 1) / 2)] + v[k, int(n[k] / 2) + 1]) / 2 : 0 }
	END {
		ns = split(servers, s, ","); nm = split(mounts, m, " ")
		nf = split("seqread seqread-p99 seqread-vm_cpu seqwrite seqwrite-p99 seqwrite-vm_cpu randread randread-p99 randread-vm_us_per_op randwrite randwrite-p99 randwrite-vm_us_per_op create create-vm_cpu walk walk-vm_cpu delete delete-vm_cpu", f, " ")
		line = "| mount | figure | unit |"; rule = "| --- | --- | --- |"
		for (i = 1; i <= ns; i++) { line = line " " s[i] " |"; rule = rule " --- |" }
		for (i = 2; i <= ns; i++) { line = line " own/" s[i] " |"; rule = rule " --- |" }
		print line "\n" rule
		for (a = 1; a <= nm; a++) for (b = 1; b <= nf; b++) {
			line = "| " m[a] " | " f[b] " | " unit[f[b]] " |"; own = median(m[a] SUBSEP f[b] SUBSEP "own"); ratios = ""
			for (i = 1; i <= ns; i++) {
				x = median(m[a] SUBSEP f[b] SUBSEP s[i])
				line = line sprintf(x ? " %.4g |" : " - |", x)
				if (i > 1) ratios = ratios (x && own ? sprintf(" %.2f |", own / x) : " - |")
			}
			print line ratios
		}
	}'
exit $status
