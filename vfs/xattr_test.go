package vfs

import (
	"strings"
	"testing"
)

func TestValidXattrName(t *testing.T) {
	for name, want := range map[string]bool{
		"":                         false,
		"a":                        true,
		"A name.1-_~!#$%&'()@^`{}": true,
		"Zone.Identifier":          true,
		"größe":                    true,
		strings.Repeat("x", 254):   true,
		strings.Repeat("x", 255):   false,
		"\x7f":                     true,
		"\x1f":                     false,
		"a\x00":                    false,
		"\xff":                     false,
	} {
		if got := ValidXattrName(name); got != want {
			t.Errorf("ValidXattrName(%q) = %v", name, got)
		}
	}
	for _, c := range `\/:*?"<>|,+=[];` {
		if ValidXattrName("a" + string(c) + "b") {
			t.Errorf("a name with %q is valid", c)
		}
	}
}

func TestFoldXattrName(t *testing.T) {
	if got := FoldXattrName("azAZ_é.{"); got != "AZAZ_é.{" {
		t.Errorf("folded %q", got)
	}
}

func TestXattrsSize(t *testing.T) {
	// [MS-FSA] 2.1.1.3: flags, two lengths, the name with its NUL, the value.
	if got := XattrsSize([]Xattr{{Name: "EAONE", Value: []byte("VALUE1")}, {Name: "SECONDEA", Value: []byte("ValueTwo")}}); got != 16+21 {
		t.Errorf("size %d", got)
	}
}
