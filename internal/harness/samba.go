package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sambaConf is the configuration of a private smbd: nothing of the machine's
// own Samba is read or changed. Arguments: port, directory, username map.
const sambaConf = `[global]
	netbios name = PEER
	server role = standalone server
	interfaces = 127.0.0.1/8
	bind interfaces only = yes
	smb ports = %[1]d
	disable netbios = yes
	server min protocol = SMB2_02
	server signing = required
	map to guest = bad user
	guest account = %[3]s
	username map = %[2]s/users
	private dir = %[2]s/private
	pid directory = %[2]s
	lock directory = %[2]s
	state directory = %[2]s
	cache directory = %[2]s
	ncalrpc dir = %[2]s/ncalrpc
	winbindd socket directory = %[2]s/wb
	usershare path =
	log file = %[2]s/log
	log level = 0
	passdb backend = tdbsam
	load printers = no
	printing = bsd
	printcap name = /dev/null
	disable spoolss = yes
	panic action =
	store dos attributes = yes
	map archive = no
	ea support = yes
	create mask = 0777
	directory mask = 0777
`

// StartSamba runs a private smbd, found in the usual places or named by
// SMB_SMBD, with its state in dir. All users share the account of the one who
// runs this program. Of Config.Args it understands "-signing offered"; a share may
// have the options "acl", to keep security descriptors, or "aclonly", to do so
// whatever the permission bits say.
func StartSamba(dir string, cfg Config) (*Server, error) {
	smbd, err := findSmbd()
	if err != nil {
		return nil, err
	}
	me, err := user.Current()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "smb.conf")
	if err := writeSambaConf(dir, conf, me.Username, port, cfg); err != nil {
		return nil, err
	}
	add := exec.Command("smbpasswd", "-c", conf, "-a", "-s", me.Username)
	pw := cfg.Users[0].Password
	add.Stdin = strings.NewReader(pw + "\n" + pw + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("smbpasswd: %v\n%s", err, out)
	}

	s := &Server{samba: true, Port: port, cmd: exec.Command(smbd, "--foreground", "--no-process-group", "-s", conf, "--debug-stdout")}
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.run(); err != nil {
		return nil, err
	}
	for range 100 {
		c, err := net.Dial("tcp", s.Addr())
		if err == nil {
			c.Close()
			return s, nil
		}
		if s.Exited() {
			return nil, fmt.Errorf("smbd ended: %s", s.Log())
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Kill()
	return nil, fmt.Errorf("smbd doesn't listen: %s", s.Log())
}

func writeSambaConf(dir, conf, me string, port int, cfg Config) error {
	for _, d := range []string{"private", "ncalrpc", "wb"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	os.Chmod(filepath.Join(dir, "ncalrpc"), 0o755)
	os.Chmod(filepath.Join(dir, "wb"), 0o755)
	var names strings.Builder
	for _, u := range cfg.Users {
		fmt.Fprintf(&names, "!%s = %s\n", me, u.Name)
	}
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte(names.String()), 0o600); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, sambaConf, port, dir, me)
	for i, a := range cfg.Args {
		if a == "-signing" && i+1 < len(cfg.Args) && cfg.Args[i+1] == "offered" {
			b.WriteString("\tserver signing = auto\n")
		}
	}
	for _, s := range cfg.Shares {
		fmt.Fprintf(&b, "[%s]\n\tpath = %s\n\tread only = %s\n", s.Name, s.Dir, yes(slices.Contains(s.Options, "ro")))
		if slices.Contains(s.Options, "encrypt") {
			b.WriteString("\tserver smb encrypt = required\n")
		}
		fmt.Fprintf(&b, "\tguest ok = %s\n", yes(slices.Contains(s.Options, "guest")))
		switch {
		case slices.Contains(s.Options, "acl"):
			b.WriteString("\tvfs objects = acl_xattr streams_xattr\n")
		case slices.Contains(s.Options, "aclonly"):
			b.WriteString("\tvfs objects = acl_xattr streams_xattr\n\tacl_xattr:ignore system acls = yes\n")
		default:
			b.WriteString("\tvfs objects = streams_xattr\n")
		}
	}
	return os.WriteFile(conf, []byte(b.String()), 0o600)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func findSmbd() (string, error) {
	for _, p := range []string{os.Getenv("SMB_SMBD"), "/usr/sbin/smbd", "/opt/samba-ref/root/usr/sbin/smbd"} {
		if p == "" {
			continue
		}
		if _, err := os.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("no smbd: install Debian's package samba, or name one with SMB_SMBD")
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", Host+":0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(port)
}
