package smbtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"unicode/utf16"
)

// Whatever way a secret is printed is found.
func TestSpellings(t *testing.T) {
	for _, secret := range [][]byte{[]byte("this is nobody's business"), {0x80, 1, 2, 3, 0xFE, 0xFF, '"', '\\', 'n', 10, 0, 0, 'x', 'y', 'z', 0x99}} {
		var wide []byte
		for _, u := range utf16.Encode([]rune(string(secret))) {
			wide = append(wide, byte(u), byte(u>>8))
		}
		var json1, text strings.Builder
		slog.New(slog.NewJSONHandler(&json1, nil)).Info("x", "v", secret)
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", secret)
		array, _ := json.Marshal(map[string]any{"v": append([]byte("ab"), secret...)})
		for _, printed := range []string{
			string(secret), string(wide), fmt.Sprintf("%q", secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprintf("% X", wide),
			fmt.Sprint(secret), fmt.Sprint(wide), fmt.Sprintf("%#v", secret), fmt.Sprintf("a%s", base64.URLEncoding.EncodeToString(append([]byte{1}, secret...))),
			base64.StdEncoding.EncodeToString(wide), json1.String(), text.String(), string(array), fmt.Sprintf("%x", append([]byte("front"), secret...)),
		} {
			found := false
			for _, s := range Spellings(secret) {
				found = found || strings.Contains("before"+printed+"behind", s)
			}
			if !found {
				t.Errorf("%q isn't found in %q", secret, printed)
			}
		}
		for _, s := range Spellings(secret) {
			if len(s) < 10 {
				t.Errorf("%q may be anything", s)
			}
		}
	}
}
