package main

import (
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gosmbd/smb"
)

// config is the command line.
type config struct {
	listen    string
	name      string
	backend   string
	smbpasswd string
	ksmbdpwd  string
	groups    string
	keytabs   []string
	services  []string // Kerberos names; none: all of the keytabs
	handles   string
	domain    domainConfig
	addShares string
	shares    []shareConfig
	snapshots map[string]string                 // by share
	links     map[string]map[string]smb.DFSLink // by share and path
	users     []userConfig
	min, max  smb.Dialect
	signing   smb.Policy
	encrypt   bool
	posix     bool
	verbose   bool
	status    time.Duration
}

// shareConfig is one -share.
type shareConfig struct {
	name, path string
	readOnly   bool
	encrypt    bool
	guest      bool
	abe        bool
	noCaching  bool
	mem        bool   // in memory, whatever -backend says
	symlinks   bool   // links are shown, not followed
	native     bool   // names
	quotas     bool   // osfs.Options.Quotas
	snapshots  string // osfs.Options.Snapshots
	ignoreMode bool
	fromMode   bool   // osfs.Options.SecurityFromMode
	toMode     bool   // osfs.Options.ModeFromSecurity
	runAs      string // "caller", or the name of a user of the machine; empty: as the process
	apple      smb.AppleOptions
	dfs        smb.DFS
}

// userConfig is one -user.
type userConfig struct {
	name, password string
	generated      bool // the password was made up here, so the user must be told
	admin          bool // one of BUILTIN\Administrators
}

var dialects = map[string]smb.Dialect{
	"2.0.2": smb.Dialect202,
	"2.1":   smb.Dialect210,
	"3.0":   smb.Dialect300,
	"3.0.2": smb.Dialect302,
	"3.1.1": smb.Dialect311,
}

const usage = `Serves directories to SMB clients. Without flags: the current directory, read-write,
on port 4445, to one user with a password that is made up and printed.

usage: server [flags]
       server user ...      keep accounts in a file, see server user -help

`

// parseFlags reads the command line and checks all that can be checked without
// changing anything. Its errors are one line and say what to do.
func parseFlags(args []string) (*config, error) {
	cfg := &config{}
	fs := flag.NewFlagSet("server", flag.ContinueOnError)
	fs.SetOutput(discard{})
	fs.StringVar(&cfg.listen, "listen", ":4445", "`address` to listen on; port 0 takes a free one")
	fs.StringVar(&cfg.name, "name", "", "`name` of the server that clients are told (default that of the machine); for logons in a domain it is that of -machine")
	fs.Func("share", "share `name=path[,option]...`; may be repeated (default share=.); the options are\n"+shareOptionHelp(), cfg.addShare)
	fs.Func("snapshots", "`share=template` of the paths where its snapshots are, as in docs=.snapshots/@GMT-%Y.%m.%d-%H.%M.%S; may be repeated", cfg.addSnapshots)
	fs.Func("dfs", "`share/path=//server/share[,//server/share]...`: refer clients who want that path of a share to another server, the best first; may be repeated", cfg.addDFS)
	fs.Func("user", "let `name[:password]` in; may be repeated; without a password one is made up", cfg.addUser)
	fs.Func("admin", "let `name[:password]` in as an administrator, who may take ownership, back up and restore whatever the permissions; may be repeated", func(s string) error {
		if err := cfg.addUser(s); err != nil {
			return err
		}
		cfg.users[len(cfg.users)-1].admin = true
		return nil
	})
	fs.StringVar(&cfg.smbpasswd, "smbpasswd", "", "let the users of this Samba smbpasswd `file` in, too")
	fs.StringVar(&cfg.ksmbdpwd, "ksmbdpwd", "", "let the users of this ksmbdpwd.db `file` of ksmbd in, too")
	fs.StringVar(&cfg.groups, "groups", "", "put users into the groups of this `file`, which is like /etc/group; members of its group Administrators are administrators")
	cfg.domain.addFlags(fs)
	fs.Func("keytab", "let users with a Kerberos ticket in, for which these `files` have the keys, separated by commas", func(s string) error {
		cfg.keytabs = strings.Split(s, ",")
		return nil
	})
	fs.Func("spn", "take tickets for this `service`, as in cifs/files.example.com, instead of every cifs/ name; may be repeated", func(s string) error {
		cfg.services = append(cfg.services, s)
		return nil
	})
	fs.StringVar(&cfg.handles, "handles", "", "keep the handles that clients have open in this `file`, so that they outlive the server")
	fs.StringVar(&cfg.addShares, "addshares", "", "let administrators change the shares, and add directories below this `directory`, which they call C:\\")
	fs.Func("min", "oldest `dialect` to speak: 2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1", dialectFlag(&cfg.min))
	fs.Func("max", "newest `dialect` to speak, one of the same", dialectFlag(&cfg.max))
	fs.BoolVar(&cfg.encrypt, "encrypt", false, "refuse clients that don't encrypt")
	fs.Func("signing", "whether users must sign: `policy` is required (default) or offered", func(s string) error {
		switch s {
		case "required":
			cfg.signing = smb.Required
		case "offered":
			cfg.signing = smb.Offered
		default:
			return errors.New("want required or offered")
		}
		return nil
	})
	fs.StringVar(&cfg.backend, "backend", "os", "`kind` of storage: os (directories) or mem (memory, gone at the end)")
	fs.DurationVar(&cfg.status, "status", 0, "list sessions and open files on stderr at this `interval`"+signalHint)
	fs.BoolVar(&cfg.posix, "posix", false, "serve the POSIX extensions to Linux clients that ask for them (mount option posix)")
	fs.BoolVar(&cfg.verbose, "v", false, "log more")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Print(usage)
			fs.SetOutput(os.Stdout)
			fs.PrintDefaults()
			return nil, err
		}
		return nil, fmt.Errorf("%w (-help lists the flags)", err)
	}
	if fs.NArg() > 0 {
		return nil, fmt.Errorf("don't know what to do with %q: a directory is shared with -share name=path", fs.Arg(0))
	}
	return cfg, cfg.complete()
}

// discard keeps package flag from printing an error and the usage on its own.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (c *config) addShare(s string) error {
	name, rest, ok := strings.Cut(s, "=")
	path, options, _ := strings.Cut(rest, ",")
	sh := shareConfig{name: name, path: path}
	if name == "" || !ok || strings.ContainsAny(name, `/\:*?"<>|[]`) {
		return errors.New("want name=path, as in -share docs=/home/me/docs")
	}
	for _, other := range c.shares {
		if strings.EqualFold(other.name, name) {
			return fmt.Errorf("there is a share %q already", other.name)
		}
	}
	if strings.EqualFold(name, "IPC$") {
		return errors.New("IPC$ is the server's own share")
	}
	if options != "" {
		for o := range strings.SplitSeq(options, ",") {
			if err := sh.set(o); err != nil {
				return err
			}
		}
	}
	c.shares = append(c.shares, sh)
	return nil
}

// shareOptions are the words that may follow the path of a -share.
var shareOptions = []struct {
	name, help string
	set        func(*shareConfig)
}{
	{"ro", "nothing can be changed", func(s *shareConfig) { s.readOnly = true }},
	{"encrypt", "refuse clients that don't encrypt", func(s *shareConfig) { s.encrypt = true }},
	{"guest", "let guests in", func(s *shareConfig) { s.guest = true }},
	{"abe", "list only what the user may read", func(s *shareConfig) { s.abe = true }},
	{"nocache", "let clients cache nothing", func(s *shareConfig) { s.noCaching = true }},
	{"symlinks", "clients see symbolic links, and follow them by themselves", func(s *shareConfig) { s.symlinks = true }},
	{"mem", "in memory, gone at the end", func(s *shareConfig) { s.mem = true }},
	{"timemachine", "for backups of Macs; timemachine=500G bounds them", func(s *shareConfig) { s.apple.TimeMachine = true }},
	{"nativenames", "store characters such as ? that macOS substitutes", func(s *shareConfig) { s.native = true }},
	{"unixmodes", "let Macs set POSIX modes", func(s *shareConfig) { s.apple.UnixModes = true }},
	{"zeroids", "tell Macs that files have no ids", func(s *shareConfig) { s.apple.ZeroFileIDs = true }},
	{"ignoremode", "Windows permissions hold whatever the Unix ones say", func(s *shareConfig) { s.ignoreMode = true }},
	{"frommode", "Unix permissions are the Windows ones where nobody set those", func(s *shareConfig) { s.fromMode = true }},
	{"tomode", "Windows permissions that are set change the Unix ones", func(s *shareConfig) { s.toMode = true }},
	{"runas", "act as the machine's user of the caller's name, or runas=NAME; needs root on Linux", func(s *shareConfig) { s.runAs = asCaller }},
	{"quotas", "let administrators see and set the quotas of the file system's users", func(s *shareConfig) { s.quotas = true }},
	{"noapple", "without Apple's extensions", func(s *shareConfig) { s.apple.Off = true }},
}

func shareOptionHelp() string {
	var b strings.Builder
	for _, o := range shareOptions {
		fmt.Fprintf(&b, "  %-12s%s\n", o.name, o.help)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (s *shareConfig) set(option string) error {
	if size, ok := strings.CutPrefix(option, "timemachine="); ok {
		var err error
		s.apple.TimeMachine = true
		s.apple.TimeMachineMax, err = parseSize(size)
		return err
	}
	if user, ok := strings.CutPrefix(option, "runas="); ok && user != "" {
		s.runAs = user
		return nil
	}
	var names []string
	for _, o := range shareOptions {
		if o.name == option {
			o.set(s)
			return nil
		}
		names = append(names, o.name)
	}
	return fmt.Errorf("don't know the option %q: there are %s", option, strings.Join(names, ", "))
}

func (c *config) addSnapshots(s string) error {
	name, template, ok := strings.Cut(s, "=")
	if !ok || name == "" || template == "" {
		return errors.New("want share=template, as in -snapshots docs=.snapshots/@GMT-%Y.%m.%d-%H.%M.%S")
	}
	if c.snapshots == nil {
		c.snapshots = make(map[string]string)
	}
	c.snapshots[strings.ToLower(name)] = template
	return nil
}

// placeSnapshots gives each share its template.
func (c *config) placeSnapshots() error {
	for name, template := range c.snapshots {
		i := slices.IndexFunc(c.shares, func(s shareConfig) bool { return strings.EqualFold(s.name, name) })
		switch {
		case i < 0:
			return fmt.Errorf("-snapshots is about a share %q, and there is none", name)
		case c.backend != "os":
			return errors.New("-snapshots needs -backend os")
		}
		c.shares[i].snapshots = template
	}
	return nil
}

func (c *config) addUser(s string) error {
	name, password, given := strings.Cut(s, ":")
	switch {
	case name == "":
		return errors.New("want name or name:password")
	case given && password == "":
		return errors.New("the password is empty: leave the colon out to have one made up")
	}
	if err := checkUserName(name); err != nil {
		return err
	}
	for _, other := range c.users {
		if strings.EqualFold(other.name, name) {
			return fmt.Errorf("there is a user %q already", other.name)
		}
	}
	if !given {
		password = newPassword()
	}
	c.users = append(c.users, userConfig{name: name, password: password, generated: !given})
	return nil
}

// checkUserName refuses the name of an account that nobody could log on to: clients
// send what is before a slash as the domain, apart from the name.
func checkUserName(name string) error {
	i := strings.LastIndexAny(name, `\/`)
	if i < 0 {
		return nil
	}
	if last := name[i+1:]; last != "" {
		return fmt.Errorf("a name has no \\ or /: say %s, who may log on with any domain before the name", last)
	}
	return errors.New("a name has no \\ or /: leave it out")
}

func dialectFlag(d *smb.Dialect) func(string) error {
	return func(s string) error {
		v, ok := dialects[s]
		if !ok {
			return errors.New("want 2.0.2, 2.1, 3.0, 3.0.2 or 3.1.1")
		}
		*d = v
		return nil
	}
}

// dialectName is the reverse of dialects.
func dialectName(d smb.Dialect) string {
	for name, v := range dialects {
		if v == d {
			return name
		}
	}
	return fmt.Sprintf("%#x", uint16(d))
}

// complete fills in the defaults and checks flags against each other.
func (c *config) complete() error {
	if len(c.shares) == 0 {
		c.shares = []shareConfig{{name: "share", path: "."}}
	}
	if err := c.domain.check(len(c.keytabs) > 0); err != nil {
		return err
	}
	if err := c.checkValues(); err != nil {
		return err
	}
	if len(c.services) > 0 && len(c.keytabs) == 0 {
		return errors.New("-spn is about Kerberos, which needs -keytab")
	}
	if len(c.users) == 0 && len(c.accountFiles()) == 0 && c.domain.name == "" && len(c.keytabs) == 0 {
		c.users = []userConfig{{name: loginName(), password: newPassword(), generated: true}}
	}
	if c.min != 0 && c.max != 0 && c.min > c.max {
		return errors.New("-min is newer than -max: no client could speak with the server")
	}
	if c.encrypt && c.max != 0 && c.max < smb.Dialect300 {
		return errors.New("-encrypt needs dialect 3.0 or newer: raise -max or leave -encrypt out")
	}
	if err := c.placeSnapshots(); err != nil {
		return err
	}
	if err := c.placeDFS(); err != nil {
		return err
	}
	switch c.backend {
	case "mem":
		return nil
	case "os":
	default:
		return fmt.Errorf("don't know the backend %q: there are os and mem", c.backend)
	}
	for i, s := range c.shares {
		if s.mem {
			continue
		}
		if err := checkDir("-share", s.path); err != nil {
			return fmt.Errorf("share %s: %w", s.name, err)
		}
		if abs, err := filepath.Abs(s.path); err == nil {
			c.shares[i].path = abs
		}
	}
	return nil
}

// loginName returns the name of the user who runs the program, if it can be
// typed everywhere, else "smb".
func loginName() string {
	u, err := user.Current()
	if err != nil {
		return "smb"
	}
	name := u.Username[strings.LastIndexByte(u.Username, '\\')+1:]
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r) {
			return "smb"
		}
	}
	if name == "" {
		return "smb"
	}
	return name
}

// newPassword makes up a password of 75 random bits. It has no characters that
// look alike, none that a shell or a URL takes for something else, and none
// that move on foreign keyboards, but for y and z.
func newPassword() string {
	const alphabet = "abcdefghijkmnpqrstuvwxyz23456789" // 32: 5 bits each
	var raw [15]byte
	rand.Read(raw[:]) // never fails
	var b strings.Builder
	for i, r := range raw {
		if i == 5 || i == 10 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[r%32])
	}
	return b.String()
}
