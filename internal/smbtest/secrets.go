package smbtest

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Spellings returns how a secret of at least 12 bytes may look in a log: as it is, in
// UTF-16, in hexadecimal, in base64 wherever it begins, quoted, and as numbers. Of some,
// its first 12 bytes are enough.
func Spellings(secret []byte) []string {
	wide := make([]byte, 0, 2*len(secret))
	for _, u := range utf16.Encode([]rune(string(secret))) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	list := []string{string(secret), string(wide), fmt.Sprintf("%q", secret), fmt.Sprintf("%+q", secret)}
	for _, b := range [][]byte{secret[:12], wide[:24]} {
		numbers := strings.Trim(fmt.Sprint(b), "[]")
		digits := fmt.Sprintf("% x", b)
		list = append(list, hex.EncodeToString(b), digits, strings.ReplaceAll(digits, " ", ":"),
			numbers, strings.ReplaceAll(numbers, " ", ","), strings.ReplaceAll(numbers, " ", ", "),
			strings.Trim(strings.TrimPrefix(fmt.Sprintf("%#v", b), "[]byte"), "{}"), strings.Trim(strconv.Quote(string(b)), `"`))
		for front := range 3 {
			// Its characters that nothing before and behind it has a part in.
			text := base64.StdEncoding.EncodeToString(append(make([]byte, front), b...))
			text = strings.TrimRight(text, "=")
			list = append(list, text[(front*8+5)/6:len(text)-1])
			list = append(list, strings.NewReplacer("+", "-", "/", "_").Replace(list[len(list)-1]))
		}
	}
	for _, s := range list {
		if upper := strings.ToUpper(s); upper != s && strings.Trim(s, "0123456789abcdef: ") == "" {
			list = append(list, upper)
		}
	}
	return list
}
