package smb2

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestDFSReferralLayout holds every field of each version where [MS-DFSC] 2.2.5 has it.
func TestDFSReferralLayout(t *testing.T) {
	r := DFSReferralResponse{
		PathConsumed: 0x1122, Flags: DFSStorageServers | DFSTargetFailback, Root: true, TimeToLive: 0x01020304,
		Path: `\p`, Targets: []DFSReferralTarget{{`\a`, true}, {`\b`, false}},
	}
	const (
		path    = " 5c00 7000 0000"
		targets = " 5c00 6100 0000 5c00 6200 0000"
	)
	for version, want := range map[uint16]string{
		1: "2211 0200 06000000 0100 0e00 0100 0000 5c00 6100 0000 0100 0e00 0100 0000 5c00 6200 0000",
		2: "2211 0200 06000000" +
			" 0200 1600 0100 0000 00000000 04030201 2c00 2c00 3200" +
			" 0200 1600 0100 0000 00000000 04030201 1600 1600 2200" + path + targets,
		3: "2211 0200 06000000" +
			" 0300 2200 0100 0000 04030201 4400 4400 4a00" + strings.Repeat("00", 16) +
			" 0300 2200 0100 0000 04030201 2200 2200 2e00" + strings.Repeat("00", 16) + path + targets,
		4: "2211 0200 06000000" +
			" 0400 2200 0100 0400 04030201 4400 4400 4a00" + strings.Repeat("00", 16) +
			" 0400 2200 0100 0000 04030201 2200 2200 2e00" + strings.Repeat("00", 16) + path + targets,
	} {
		r.Version = version
		want = strings.ReplaceAll(want, " ", "")
		if got := hex.EncodeToString(r.Append(nil)); got != want {
			t.Errorf("version %d:\n got %s\nwant %s", version, got, want)
		}
	}
}

func TestDFSReferralWithin(t *testing.T) {
	for version := uint16(1); version <= DFSReferralVersion; version++ {
		r := DFSReferralResponse{Version: version, Path: `\srv\dfs`, Targets: []DFSReferralTarget{{Path: `\a\b`}, {Path: `\c\d`}, {Path: `\e\f`}}}
		full := len(r.Append(nil))
		if got := len(r.Within(full).Append(nil)); got != full {
			t.Errorf("version %d: %d bytes of %d", version, got, full)
		}
		for max := full - 1; max > 0; max-- {
			some := r.Within(max)
			if n := len(some.Targets); n > 0 && len(some.Append(nil)) > max || n == 3 {
				t.Errorf("version %d: %d targets in %d bytes", version, n, max)
			}
		}
	}
	long := DFSReferralResponse{Version: 4, Path: `\srv\dfs`}
	for range 1000 {
		long.Targets = append(long.Targets, DFSReferralTarget{Path: `\` + strings.Repeat("x", 100)})
	}
	b := long.Within(1 << 20).Append(nil)
	got, err := ParseDFSReferralResponse(b)
	if err != nil || len(b) > 1<<16 || len(got.Targets) < 250 {
		t.Errorf("%d targets in %d bytes, %v", len(got.Targets), len(b), err)
	}
}

// TestDFSReferralRequestTolerance: clients leave the NUL out, or count it.
func TestDFSReferralRequestTolerance(t *testing.T) {
	b := DFSReferralRequest{3, `\a\b`}.Append(nil)
	r, err := ParseDFSReferralRequest(b[:len(b)-2])
	if err != nil || r.Path != `\a\b` {
		t.Errorf("without NUL: %+v, %v", r, err)
	}
	r, err = ParseDFSReferralRequest(append(b, 0x41, 0x00))
	if err != nil || r.Path != `\a\b` {
		t.Errorf("with more behind the NUL: %+v, %v", r, err)
	}
	if _, err = ParseDFSReferralRequest(b[:len(b)-3]); err != StatusInvalidParameter {
		t.Errorf("half a character: %v", err)
	}
	x := DFSReferralRequestEx{MaxReferralLevel: 4, Path: `\a\b`}.Append(nil)
	x[8] -= 2
	e, err := ParseDFSReferralRequestEx(x)
	if err != nil || e.Path != `\a\b` {
		t.Errorf("extended, without NUL: %+v, %v", e, err)
	}
}
