package smb_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gosmbd/smb"
	"github.com/gosmbd/smb/internal/smbtest"
	"github.com/gosmbd/smb/smb2"
)

func TestMatchPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "anything", true}, {"*", "", true}, {"a*", "abc", true}, {"a*", "bac", false}, {"*.txt", "a.txt", true}, {"*.TXT", "a.txt", true},
		{"*.txt", "a.txt.bak", false}, {"*.*", "a.b", true}, {"*.*", "a", false}, {"?", "a", true}, {"?", "ab", false}, {"?", "", false}, {"??", "ü?", true},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"?*", "", false}, {"*?*", "x", true}, {"", "", true},
		// What DOS names became. [MS-FSA] 2.1.4.4
		{"<", "a", true}, {"<", "a.b", false}, {"<.b", "a.b", true}, {"<.txt", "a.b.txt", true}, {"<.b", "a.b.c", false},
		{">", "a", true}, {">", "", true}, {">>>", "ab", true}, {">>>", "abcd", false}, {"a>", "a", true}, {`a"`, "a", true}, {`a"b`, "a.b", true},
		{`a"b`, "axb", false}, {`<"*`, "a.txt", true}, {`<"*`, "a", true}, {`<">>>`, "a.txt", true}, {`<">>>`, "a", true}, {`<">>>`, "a.html", false},
		{"straße", "STRAßE", true}, {"Ä*", "äb", true},
	} {
		if got := smb.MatchPattern(tt.pattern, tt.name); got != tt.want {
			t.Errorf("%q matches %q: %v", tt.pattern, tt.name, got)
		}
	}
}

// matches is what [MS-FSA] 2.1.4.4 says, way by way; it may take forever.
func matches(pattern, name []rune) bool {
	if len(pattern) == 0 {
		return len(name) == 0
	}
	rest := pattern[1:]
	switch pattern[0] {
	case '*':
		return matches(rest, name) || len(name) > 0 && matches(pattern, name[1:])
	case '<': // all up to the last dot
		return matches(rest, name) || len(name) > 0 && (name[0] != '.' || slices.Contains(name[1:], '.')) && matches(pattern, name[1:])
	case '?':
		return len(name) > 0 && matches(rest, name[1:])
	case '>':
		return len(name) > 0 && name[0] != '.' && matches(rest, name[1:]) || (len(name) == 0 || name[0] == '.') && matches(rest, name)
	case '"':
		return len(name) > 0 && name[0] == '.' && matches(rest, name[1:]) || len(name) == 0 && matches(rest, name)
	}
	return len(name) > 0 && name[0] == pattern[0] && matches(rest, name[1:])
}

// All ways at once lead where they lead one by one.
func TestMatchPatternRandomly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(from string, n int) []rune {
		b := make([]rune, n)
		for i := range b {
			b[i] = []rune(from)[r.IntN(len([]rune(from)))]
		}
		return b
	}
	yes := 0
	for range 200_000 {
		p, n := pick(`**<<??>>""..AÄ`, r.IntN(8)), pick("..AÄ", r.IntN(7))
		// Behind what matches only itself they are anywhere in the words of bits.
		long := strings.Repeat("X", r.IntN(longestName-len(p)))
		want := matches(p, n)
		if want {
			yes++
		}
		for _, front := range []string{"", long} {
			if got := smb.MatchPattern(front+string(p), front+string(n)); got != want {
				t.Fatalf("%q matches %q behind %d others: %v", string(p), string(n), len(front), got)
			}
		}
	}
	if yes < 10_000 {
		t.Errorf("only %d match", yes)
	}
}

const longestName = 255

// No pattern takes much longer than others, and none is longer than a name.
func TestHostilePatterns(t *testing.T) {
	name := strings.Repeat("a", 200) + "1"
	for _, p := range []string{
		strings.Repeat("*a", 127) + "b", strings.Repeat("<a", 127), strings.Repeat("*", 254) + "b", strings.Repeat("<\"", 127),
		strings.Repeat("a*a", 80) + "?", strings.Repeat(">", 254) + "b", strings.Repeat("*?", 127),
	} {
		begun := time.Now()
		for range 1000 {
			smb.MatchPattern(p, name)
		}
		if d := time.Since(begun); d > 500*time.Millisecond {
			t.Errorf("%q is compared with 1,000 names in %v", p, d)
		}
	}
	if smb.MatchPattern(strings.Repeat("*", longestName+1), "a") {
		t.Error("a pattern that can't be matches")
	}
	r := newRig(t, nil)
	c := r.logon(smb.Dialect311)
	dir := r.create(c, smbtest.CreateReq("", smb2.Open))
	for _, tt := range []struct {
		n  int
		st smb2.Status
	}{{longestName, ok}, {longestName + 1, smb2.StatusObjectNameInvalid}, {30_000, smb2.StatusObjectNameInvalid}} {
		got := c.Do(smb2.CommandQueryDirectory, smb2.QueryDirectoryRequest{
			FileID: dir, Class: smb2.ClassFileNamesInformation, Flags: smb2.RestartScans, OutputLength: 4096, Pattern: strings.Repeat("*", tt.n),
		}).Status
		want(t, fmt.Sprint("a pattern of ", tt.n), got, tt.st)
	}
}

func FuzzMatchPattern(f *testing.F) {
	f.Add("*a*a*a*a*a*a*a*a*a*b", strings.Repeat("a", 100))
	f.Add(`<<<<<<<<<<<<"`, "a.b.c.d.e.f.g")
	f.Add(">>>>>>>>*>>>>>>>", "abc")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 1000 || len(name) > 1000 {
			return
		}
		smb.MatchPattern(pattern, name)
		if !strings.ContainsAny(pattern, `*?<>"`) && utf8.RuneCountInString(pattern) <= longestName && !smb.MatchPattern(pattern, pattern) {
			t.Errorf("%q doesn't match itself", pattern)
		}
	})
}
