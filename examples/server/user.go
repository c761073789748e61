package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/gosmbd/smb/ntlm"
)

const userUsage = `Keeps the accounts of a file that servers are started with. A server that runs notices
the change by itself: new passwords count at once, and whoever was disabled or removed is
out within seconds.

usage: server user add      -smbpasswd FILE [-uid N] NAME
       server user password -smbpasswd FILE NAME
       server user disable  -smbpasswd FILE NAME
       server user enable   -smbpasswd FILE NAME
       server user remove   -smbpasswd FILE NAME
       server user list     -smbpasswd FILE

or the same with -ksmbdpwd FILE. The password is asked for, or is the first line of standard
input if that is no terminal.

`

// userCommand is one word behind "server user".
type userCommand struct {
	word     string
	password bool // it needs one
	done     string
	do       func(e *ntlm.FileEdit, u ntlm.FileUser) error
}

// userCommands change a file. Of u the name is that of the command line, the uid and
// the hash are the new ones.
var userCommands = []userCommand{
	{"add", true, "added", func(e *ntlm.FileEdit, u ntlm.FileUser) error { return e.Add(u) }},
	{"password", true, "has a new password", func(e *ntlm.FileEdit, u ntlm.FileUser) error {
		return changeUser(e, u.Name, func(old *ntlm.FileUser) { old.Hash = u.Hash })
	}},
	{"disable", false, "disabled", func(e *ntlm.FileEdit, u ntlm.FileUser) error {
		return changeUser(e, u.Name, func(old *ntlm.FileUser) { old.Disabled = true })
	}},
	{"enable", false, "enabled", func(e *ntlm.FileEdit, u ntlm.FileUser) error {
		return changeUser(e, u.Name, func(old *ntlm.FileUser) { old.Disabled = false })
	}},
	{"remove", false, "removed", func(e *ntlm.FileEdit, u ntlm.FileUser) error {
		old, err := e.User(u.Name)
		if err != nil {
			return err
		}
		return e.Remove(old.Name)
	}},
}

func changeUser(e *ntlm.FileEdit, name string, change func(*ntlm.FileUser)) error {
	u, err := e.User(name)
	if err != nil {
		return err
	}
	change(&u)
	return e.Set(u)
}

// runUser is "server user". It returns the exit status, as run does.
func runUser(args []string, in *os.File, out, msg io.Writer) int {
	line, err := parseUserLine(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(out, userUsage)
		return 0
	case err != nil:
		fmt.Fprintf(msg, "server user: %v\n", err)
		return 2
	}
	if line.word == "list" {
		err = listUsers(out, line.file)
	} else {
		err = line.run(in, out, msg)
	}
	if err != nil {
		fmt.Fprintf(msg, "server user: %v\n", err)
		return 1
	}
	return 0
}

// userLine is a command line behind "server user".
type userLine struct {
	userCommand
	file accountFile
	name string
	uid  int64 // negative: that of the machine's user
}

var errUserHelp = errors.New("want add, password, disable, enable, remove or list, as in: server user add -ksmbdpwd FILE NAME (-help tells more)")

func parseUserLine(args []string) (*userLine, error) {
	if len(args) == 0 {
		return nil, errUserHelp
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		return nil, flag.ErrHelp
	}
	l := &userLine{userCommand: userCommand{word: args[0]}}
	known := l.word == "list"
	for _, c := range userCommands {
		if c.word == l.word {
			l.userCommand, known = c, true
		}
	}
	if !known {
		return nil, errUserHelp
	}
	cfg := &config{}
	flags := flag.NewFlagSet("server user", flag.ContinueOnError)
	flags.SetOutput(discard{})
	flags.StringVar(&cfg.smbpasswd, "smbpasswd", "", "")
	flags.StringVar(&cfg.ksmbdpwd, "ksmbdpwd", "", "")
	flags.Int64Var(&l.uid, "uid", -1, "")
	if err := flags.Parse(args[1:]); err != nil {
		return nil, err
	}
	files := cfg.accountFiles()
	if len(files) != 1 {
		return nil, errors.New("which file? One of -smbpasswd FILE and -ksmbdpwd FILE")
	}
	l.file = files[0]
	switch {
	case l.word == "list" && flags.NArg() > 0:
		return nil, errors.New("list takes no name")
	case l.word != "list" && flags.NArg() != 1:
		return nil, fmt.Errorf("whom? As in: server user %s -%s FILE NAME", l.word, l.file.flag)
	case l.uid > 1<<32-2:
		return nil, errors.New("-uid is too large")
	case l.uid >= 0 && (l.word != "add" || !l.file.uids):
		return nil, errors.New("-uid is for add with -smbpasswd")
	}
	l.name = flags.Arg(0)
	if l.word == "add" {
		return l, checkUserName(l.name)
	}
	return l, nil
}

// run changes the file. The password is asked for before anybody has to wait.
func (l *userLine) run(in *os.File, out, msg io.Writer) error {
	if _, err := os.Stat(l.file.path); err != nil && l.word != "add" {
		return l.file.explain(err)
	}
	u := ntlm.FileUser{Name: l.name}
	if l.word == "add" && l.file.uids {
		var err error
		if u.UID, err = uidOf(l.name, l.uid); err != nil {
			return err
		}
	}
	if l.password {
		password, err := readPassword(in, msg, l.name)
		if err != nil {
			return err
		}
		u.Hash = ntlm.HashOf(password)
	}
	err := l.file.edit(func(e *ntlm.FileEdit) error { return l.do(e, u) })
	switch {
	case errors.Is(err, ntlm.ErrNoSuchUser):
		return fmt.Errorf("there is no %q in %s: server user list shows who is", l.name, l.file.path)
	case errors.Is(err, ntlm.ErrUserExists):
		return fmt.Errorf("there is a %q in %s already: server user password changes the password", l.name, l.file.path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no directory %q to keep the file in: make it", filepath.Dir(l.file.path))
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "%s: %s\n", l.name, l.done)
	if _, err := l.file.open(); err != nil {
		fmt.Fprintf(msg, "server user: servers let nobody in until this is mended: %v\n", err)
	}
	return nil
}

// uidOf returns the uid for a new account.
func uidOf(name string, given int64) (uint32, error) {
	if given >= 0 {
		return uint32(given), nil
	}
	u, err := user.Lookup(name)
	if err == nil {
		var id uint64
		if id, err = strconv.ParseUint(u.Uid, 10, 32); err == nil {
			return uint32(id), nil
		}
	}
	return 0, fmt.Errorf("the machine has no user %q to take the uid from: give one with -uid, or use -ksmbdpwd, which needs none", name)
}

// listUsers prints a line for each account.
func listUsers(out io.Writer, f accountFile) error {
	accounts, err := f.open()
	if err != nil {
		return f.explain(err)
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for p, err := range accounts.Principals(context.Background()) {
		if err != nil {
			return err
		}
		state := "enabled"
		if p.Disabled {
			state = "disabled"
		}
		if name := p.Name; strconv.CanBackquote(name) {
			fmt.Fprintf(w, "%s\t%s\n", name, state)
		} else {
			fmt.Fprintf(w, "%q\t%s\n", name, state)
		}
	}
	return w.Flush()
}
