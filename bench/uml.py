#!/usr/bin/env python3
"""Compares this server with smbd by the Linux kernel's client and fio, the kernel being a process: User-mode Linux
(Debian's user-mode-linux). Other than in an emulated VM (kernel.sh) the processor's own instructions run, and the servers
are outside. The kernel has one processor, and its system calls take long, so it is the client that is short of time: look at
the CPU. Prints a table in Markdown.

    go build -o /tmp/server ./examples/server && bench/uml.py /tmp/server [plain|sign|seal]...

It needs root, for a network device between the two, fio, kmod, and smbd. UML_ROUNDS, UML_SIZE (MiB) and UML_SECS (of random access)
are 3, 256 and 4.
"""

import glob
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

OPTIONS = {"plain": "vers=3.1.1", "sign": "vers=3.1.1,sign", "seal": "vers=3.1.1,seal"}
HOST, GUEST, DEVICE = "10.99.0.1", "10.99.0.2", "smbuml0"
PASSWORD = "bench-password"
ROUNDS, SIZE, SECS = (int(os.environ.get(*v)) for v in (("UML_ROUNDS", "3"), ("UML_SIZE", "256"), ("UML_SECS", "4")))
FIO = f"fio --output-format=json --directory=/mnt/m --filename=big --size={SIZE}m --direct=1 --ioengine=libaio "
PHASES = {
    "seqwrite": FIO + "--name=w --rw=write --bs=1m --iodepth=4",
    "seqread": FIO + "--name=r --rw=read --bs=1m --iodepth=4",
    "randread": FIO + f"--name=rr --rw=randread --bs=4k --iodepth=32 --time_based --runtime={SECS}",
    "randwrite": FIO + f"--name=rw --rw=randwrite --bs=4k --iodepth=32 --time_based --runtime={SECS}",
}

# What the guest runs first. Its root is this machine's, read only; in /mnt/q it finds commands and leaves what came of them.
INIT = """#!/bin/bash
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmp /tmp; mount -t tmpfs tmp /mnt
mount --bind /usr/lib/uml/modules /lib/modules
mkdir /mnt/m /mnt/q
ip link set lo up; ip addr add %s/24 dev vec0; ip link set vec0 up
mount -t hostfs none /mnt/q -o %s
for ((n = 1; ; n++)); do
	until [ -e /mnt/q/$n ]; do sleep 0.05; done
	cd /tmp && bash /mnt/q/$n >/mnt/q/$n.out 2>&1; echo $? >/mnt/q/$n.status; mv /mnt/q/$n.status /mnt/q/$n.done
done
"""

SMBD = """[global]
	interfaces = %(host)s
	bind interfaces only = yes
	smb ports = 4450
	server role = standalone server
	server min protocol = SMB2_02
	server signing = auto
	disable netbios = yes
	load printers = no
	printcap name = /dev/null
	disable spoolss = yes
	log level = 0
	log file = %(dir)s/log
	passdb backend = tdbsam
	store dos attributes = yes
	map archive = no
	ea support = yes
	private dir = %(dir)s
	pid directory = %(dir)s
	lock directory = %(dir)s
	state directory = %(dir)s
	cache directory = %(dir)s
	ncalrpc dir = %(dir)s/ncalrpc
[share]
	path = %(share)s
	read only = no
	vfs objects = streams_xattr
"""


class Guest:
    def __init__(self, work):
        self.q, self.n = os.path.join(work, "q"), 0
        os.mkdir(self.q)
        init = os.path.join(work, "init")
        with open(init, "w") as f:
            f.write(INIT % (GUEST, self.q))
        os.chmod(init, 0o755)
        self.log = os.path.join(work, "guest.log")
        with open(self.log, "w") as log:
            self.kernel = subprocess.Popen(
                ["linux.uml", "mem=1G", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "init=" + init,
                 f"vec0:transport=tap,ifname={DEVICE},depth=128,gro=1", "con=null", "con0=null,fd:1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def run(self, command):
        self.n += 1
        path = os.path.join(self.q, str(self.n))
        with open(path + ".new", "w") as f:
            f.write(command)
        os.rename(path + ".new", path)
        late = time.monotonic() + 300
        while not os.path.exists(path + ".done"):
            if self.kernel.poll() is not None or time.monotonic() > late:
                sys.exit("uml.py: the guest is gone or hangs:\n" + open(self.log).read()[-2000:])
            time.sleep(0.01)
        with open(path + ".out") as out, open(path + ".done") as status:
            text, code = out.read(), status.read().strip()
        if code != "0":
            sys.exit(f"uml.py: {command}: status {code}: {text}")
        return text

    def stop(self):
        os.killpg(self.kernel.pid, signal.SIGKILL)
        self.kernel.wait()


class Server:
    def __init__(self, name, command, port):
        self.name, self.command, self.port = name, command, port

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(1)

    def cpu(self):
        """Seconds that its processes took."""
        ticks = 0
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(stat) as f:
                    fields = f.read().rsplit(")", 1)[1].split()
            except OSError:  # it ended
                continue
            if int(fields[2]) == self.process.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def measure(guest, server, mount, share):
    """Yields a phase's name, and MB/s, operations/s, p99 in ms and CPU s/GiB."""
    with open(os.path.join(share, "big"), "wb") as f:
        for _ in range(SIZE):
            f.write(b"\1" * (1 << 20))
    server.start()
    try:
        guest.run(f"mount -t cifs //{HOST}/share /mnt/m -o {OPTIONS[mount]},port={server.port},user=root,pass={PASSWORD}")
        for phase, command in PHASES.items():
            before = server.cpu()
            out = guest.run(command)
            spent = server.cpu() - before
            job = json.loads(out[out.index("{"):])["jobs"][0]
            r = job["read"] if job["read"]["io_bytes"] else job["write"]
            yield phase, (r["bw_bytes"] / 1e6, r["iops"], r["clat_ns"]["percentile"]["99.000000"] / 1e6, spent / r["io_bytes"] * (1 << 30))
        guest.run("umount /mnt/m")
    finally:
        server.stop()


def main():
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    mounts = sys.argv[2:] or list(OPTIONS)
    work = tempfile.mkdtemp(prefix="smb-bench-uml.")
    share = tempfile.mkdtemp(prefix="smb-bench-uml.", dir="/dev/shm")
    conf = os.path.join(work, "smb.conf")
    with open(conf, "w") as f:
        f.write(SMBD % {"host": HOST, "dir": work, "share": share})
    subprocess.run(["smbpasswd", "-c", conf, "-a", "-s", "root"], input=f"{PASSWORD}\n{PASSWORD}\n".encode(), check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    servers = [
        Server("own", [sys.argv[1], "-listen", HOST + ":4455", "-share", "share=" + share, "-user", "root:" + PASSWORD,
                       "-signing", "offered"], 4455),
        Server("smbd", ["smbd", "--foreground", "--no-process-group", "-s", conf], 4450),
    ]
    os.makedirs("/lib/modules", exist_ok=True)  # for the guest to mount its own on
    runs = {}
    guest = None
    subprocess.run(["ip", "tuntap", "add", DEVICE, "mode", "tap"], check=True)
    try:
        subprocess.run(["ip", "addr", "add", HOST + "/24", "dev", DEVICE], check=True)
        subprocess.run(["ip", "link", "set", DEVICE, "up"], check=True)
        guest = Guest(work)
        guest.run("modprobe cifs")
        for mount in mounts:
            for n in range(ROUNDS):
                for server in servers if n % 2 == 0 else servers[::-1]:
                    for phase, figures in measure(guest, server, mount, share):
                        runs.setdefault((mount, phase, server.name), []).append(figures)
    finally:
        if guest:
            guest.stop()
        subprocess.run(["ip", "link", "del", DEVICE], check=False)
        shutil.rmtree(work)
        shutil.rmtree(share)

    print("| mount | phase | own MB/s | smbd MB/s | ratio | own p99 ms | smbd p99 ms | ratio | own CPU s/GiB | smbd CPU s/GiB | ratio |")
    print("| --- " * 11 + "|")
    for mount in mounts:
        for phase in PHASES:
            own, smbd = ([statistics.median(f) for f in zip(*runs[mount, phase, s.name])] for s in servers)
            print(f"| {mount} | {phase} |", *(f"{own[i]:.2f} | {smbd[i]:.2f} | {own[i] / smbd[i]:.2f} |" for i in (0, 2, 3)))


main()
