package smb

import (
	"fmt"
	"testing"
)

func TestIsMadeShort(t *testing.T) {
	for _, name := range []string{
		"a long file name.text", "a.long.name", "x y", "日本語", "日本語.txt", ".profile", "..x", "a~b~c d.html", "~$document.docx",
		"file.c++", "a name.日本", "ab cd.", "trailing space ", "UPPER CASE NAME.TXT",
	} {
		if short := shortName(name); !isMadeShort(short) {
			t.Errorf("%s, which is %q", short, name)
		}
	}
	for i := range 1000 {
		if short := shortName(fmt.Sprintf("some file %d.ext%d", i, i)); !isMadeShort(short) {
			t.Error(short)
		}
	}
	for _, name := range []string{
		"", "~", "A", "ABC.TXT", "FILE~", "FILE~.TXT", "~$DOC.DOC", "LONGNA~1.TXT", "ABC~12345", "ABCD~1234", "ABC~123", "ABC~12G4",
		"ABC~1234.", "ABC~1234.LONG", "ABC~1234.A B", "A B~1234", "ABC~+123", "ABC~1234.A.B", "ABC-1234",
	} {
		if isMadeShort(name) {
			t.Error(name)
		}
	}
}
