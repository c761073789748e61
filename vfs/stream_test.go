package vfs

import (
	"strings"
	"testing"
)

func TestValidStreamName(t *testing.T) {
	for name, want := range map[string]bool{
		"a":                               true,
		"Zone.Identifier":                 true,
		".":                               true,
		" ":                               true,
		`*?"<>|` + "\x01":                 true,
		"$DATA":                           true,
		strings.Repeat("日", 255):          true,
		strings.Repeat("\U0001F600", 127): true,
		"":                                false,
		"a:b":                             false,
		":$DATA":                          false,
		"a/b":                             false,
		`a\b`:                             false,
		"a\x00":                           false,
		"\xff":                            false,
		"a\xed\xa0\x80":                   false, // half of a pair
		strings.Repeat("x", 256):          false,
		strings.Repeat("\U0001F600", 128): false,
	} {
		if got := ValidStreamName(name); got != want {
			t.Errorf("ValidStreamName(%.20q) = %v", name, got)
		}
	}
}
