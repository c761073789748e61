package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf16"

	"github.com/gosmbd/smb/smb2"
)

// nameParts is what hostile names are made of. secret lies beside the directory that is
// shared; inside is a link to it, and one to where it is.
var nameParts = []string{
	"..", "..", "..", ".", "...", "", "\\", "\\", "\\", "\\", "/", "/", ":", "::$DATA", ":$DATA", ":s", "::$INDEX_ALLOCATION",
	"\x00", "C:", "CON", "NUL", "a", "d", "secret", "secret", "share", "out", "up", "up", "swap", "SECRET~1", "~1", "*", "?", "<", ">", "\"", "|",
	" ", ". ", "\u2215", "\uFF0E\uFF0E", "\u2024\u2024", "\uFFFD", "\U0001F4A9", "%2e%2e", "\t", "\x7f", "@GMT-2026.01.01-00.00.00",
	"\\\\server\\files\\", "\\??\\", "\\pipe\\", "proc", "self", "root", strings.Repeat("x", 255), strings.Repeat("y", 300),
}

// hostileName makes a name of up to eight parts.
func hostileName(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(8) {
		b.WriteString(nameParts[r.IntN(len(nameParts))])
		if r.IntN(3) == 0 {
			b.WriteByte('\\')
		}
	}
	return b.String()
}

// hostileNames names what isn't in the share, in whatever takes a name, while links are
// swapped below its feet. (G11)
func hostileNames(x *arena) (string, error) {
	stop := make(chan struct{})
	swaps, err := x.layTraps(stop)
	defer close(stop)
	if err != nil {
		return "", err
	}
	attack := func(n int) (requests int64, err error) {
		var done atomic.Int64
		err = each(4, 4, func(i int) error {
			r := rand.New(rand.NewPCG(uint64(i), uint64(n)))
			for left := n / 4; left > 0; left -= 1000 {
				k, err := x.tryNames(r, min(left, 1000))
				if err != nil {
					return err
				}
				done.Add(k)
			}
			return nil
		})
		return done.Load(), err
	}
	if _, err := attack(2000); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := x.times(8_000)
	requests, err := attack(n)
	if err != nil {
		return "", err
	}
	if err := x.pause(); err != nil {
		return "", err
	}
	top := filepath.Dir(x.dir)
	if got, err := os.ReadFile(filepath.Join(top, "secret")); err != nil || string(got) != secretContent {
		x.miss("the file beside the share was changed: %q, %v (G11)", got, err)
	}
	entries, _ := os.ReadDir(top)
	if len(entries) != 2 {
		x.miss("beside the share: %v (G11)", entries)
	}
	return fmt.Sprintf("%d names, %d requests, %d swaps of a link", n, requests, swaps.Load()), nil
}

// layTraps makes links that lead out of the share, one of them now and then a directory.
func (x *arena) layTraps(stop <-chan struct{}) (*atomic.Int64, error) {
	at := func(name string) string { return filepath.Join(x.dir, name) }
	for link, target := range map[string]string{"out": "../secret", "up": ".."} {
		if err := os.Symlink(target, at(link)); err != nil {
			return nil, err
		}
	}
	var swaps atomic.Int64
	go func() {
		os.Mkdir(at("swap.dir"), 0o777)
		os.Symlink("..", at("swap.link"))
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			from := []string{"swap.dir", "swap.link"}[n%2]
			os.Rename(at(from), at("swap"))
			time.Sleep(50 * time.Microsecond)
			os.Rename(at("swap"), at(from))
			swaps.Add(1)
		}
	}()
	return &swaps, nil
}

// tryNames uses one connection for n names. It returns the number of requests.
func (x *arena) tryNames(r *rand.Rand, n int) (requests int64, err error) {
	p, err := logOn(x.addr, r.IntN(100), attacker)
	if err != nil {
		return 0, err
	}
	defer p.close()
	dispositions := []smb2.Disposition{smb2.Open, smb2.Open, smb2.OpenIf, smb2.Create, smb2.Supersede, smb2.OverwriteIf}
	for range n {
		name := hostileName(r)
		if r.IntN(4) == 0 {
			name = `swap\secret`
		}
		options := []smb2.CreateOptions{0, 0, smb2.OptionDirectoryFile, smb2.OptionOpenReparsePoint, smb2.OptionDeleteOnClose}[r.IntN(5)]
		h, msg, err := p.try(smb2.CommandCreate, createBody(name, dispositions[r.IntN(len(dispositions))], options))
		if err != nil {
			return requests, fmt.Errorf("CREATE %q: %w", name, err)
		}
		requests++
		if h.Status == smb2.StatusSuccess {
			k, err := x.inspect(p, name, msg)
			if requests += k; err != nil {
				return requests, err
			}
		}
		k, err := x.renameTo(p, r, hostileName(r))
		if requests += k; err != nil {
			return requests, err
		}
		if r.IntN(10) == 0 {
			if _, _, err := p.try(smb2.CommandTreeConnect, smb2.TreeConnectRequest{Path: `\\server\` + hostileName(r)}); err != nil {
				return requests, err
			}
			requests++
		}
	}
	return requests, nil
}

// inspect reads what was opened, changes it, and closes it.
func (x *arena) inspect(p *peer, name string, created []byte) (requests int64, err error) {
	resp, err := smb2.ParseCreateResponse(created)
	if err != nil {
		return 0, err
	}
	h, msg, err := p.try(smb2.CommandRead, smb2.ReadRequest{FileID: resp.FileID, Length: 100})
	if err != nil {
		return 1, err
	}
	if h.Status == smb2.StatusSuccess && bytes.Contains(msg, []byte(secretContent)) {
		x.miss("%q is the file beside the share (G11)", name)
	}
	if h, msg, err = p.try(smb2.CommandQueryDirectory, smb2.QueryDirectoryRequest{
		FileID: resp.FileID, Class: smb2.ClassFileIdBothDirectoryInformation, OutputLength: 32 << 10, Pattern: "secret*",
	}); err != nil {
		return 2, err
	}
	if list := utf16bytes("secret"); h.Status == smb2.StatusSuccess && bytes.Contains(msg, list) && !x.hasSecret() {
		x.miss("%q lists the directory above the share (G11)", name)
	}
	if _, _, err = p.try(smb2.CommandWrite, smb2.WriteRequest{FileID: resp.FileID, Data: []byte("overwritten")}); err != nil {
		return 3, err
	}
	_, _, err = p.try(smb2.CommandClose, smb2.CloseRequest{FileID: resp.FileID})
	return 4, err
}

// hasSecret reports whether there is such a name within the share, which attackers may
// make.
func (x *arena) hasSecret() bool {
	found := false
	filepath.WalkDir(x.dir, func(path string, _ os.DirEntry, err error) error {
		found = found || err == nil && strings.HasPrefix(strings.ToLower(filepath.Base(path)), "secret")
		return nil
	})
	return found
}

// renameTo renames a file to a hostile name, or links it there, and removes it.
func (x *arena) renameTo(p *peer, r *rand.Rand, name string) (requests int64, err error) {
	id, err := p.create(createBody(fmt.Sprintf("scratch%d", r.Uint32()), smb2.OpenIf, smb2.OptionDeleteOnClose))
	if err != nil {
		return 1, err
	}
	target := utf16bytes(name)
	data := append([]byte{byte(r.IntN(2))}, make([]byte, 15)...)
	data = binary.LittleEndian.AppendUint32(data, uint32(len(target)))
	data = append(data, target...)
	if len(data) < 24 {
		data = append(data, make([]byte, 24-len(data))...)
	}
	class := []smb2.FileInfoClass{smb2.ClassFileRenameInformation, smb2.ClassFileLinkInformation}[r.IntN(2)]
	if _, _, err := p.try(smb2.CommandSetInfo, smb2.SetInfoRequest{FileID: id, InfoType: smb2.InfoFile, Class: uint8(class), Data: data}); err != nil {
		return 2, err
	}
	_, _, err = p.try(smb2.CommandClose, smb2.CloseRequest{FileID: id})
	return 3, err
}

func utf16bytes(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// hostilePatterns lists a directory by patterns that take long to compare, if compared
// naively. (row 5)
func hostilePatterns(x *arena) (string, error) {
	for i := range 1000 {
		name := strings.Repeat("a", 200) + fmt.Sprint(i)
		if err := os.WriteFile(filepath.Join(x.dir, name), nil, 0o666); err != nil {
			return "", err
		}
	}
	patterns := []string{
		strings.Repeat("*a", 100) + "b", strings.Repeat("<a", 100) + "b", strings.Repeat("?", 199) + "*b",
		strings.Repeat(">", 200) + "<b", strings.Repeat("*", 200) + "b", strings.Repeat("*?", 100) + "b",
		strings.Repeat("<\"", 100), strings.Repeat("*.", 100), strings.Repeat("a*a", 80) + "?",
	}
	attack := func(n int) (slowest time.Duration, err error) {
		var took []time.Duration
		err = each(1, 1, func(int) error {
			p, err := logOn(x.addr, 1, attacker)
			if err != nil {
				return err
			}
			defer p.close()
			dir, err := p.create(createBody("", smb2.Open, smb2.OptionDirectoryFile))
			if err != nil {
				return err
			}
			for i := range n {
				began := time.Now()
				_, _, err := p.try(smb2.CommandQueryDirectory, smb2.QueryDirectoryRequest{
					FileID: dir, Class: smb2.ClassFileNamesInformation, Flags: smb2.Reopen,
					OutputLength: 32 << 10, Pattern: patterns[i%len(patterns)],
				})
				if err != nil {
					return err
				}
				took = append(took, time.Since(began))
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
		return slices.Max(took), nil
	}
	if _, err := attack(len(patterns)); err != nil {
		return "", err
	}
	if err := x.begin(); err != nil {
		return "", err
	}
	n := x.times(60)
	slowest, err := attack(n)
	if slowest > time.Second {
		x.miss("a listing of 1,000 names took %v (G4: 1 s)", slowest)
	}
	x.note("at most %v", slowest.Round(time.Millisecond))
	return fmt.Sprintf("%d listings of 1,000 names", n), err
}
