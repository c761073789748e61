package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// The limit's client is this program again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == limitPeer {
		if err := runLimitPeer(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func TestLimit(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("bench is for Linux")
	}
	b := &bench{o: &options{sizeMiB: 9}, share: t.TempDir()}
	if err := write(filepath.Join(b.share, "big"), b.bigSize()); err != nil {
		t.Fatal(err)
	}
	for mode := range modes {
		for _, get := range []bool{true, false} {
			const took = 100 * time.Millisecond
			m, ok, err := b.limit(phase{name: mode, mode: mode, large: true, get: get}, took)
			if err != nil || ok != (protections[mode] != nil) || ok && m.cpu <= 0 || !get && m.wall < took*8/10 {
				t.Errorf("%s, get %v: %v of CPU, %v, %v", mode, get, m.cpu, ok, err)
			}
		}
	}
	if _, ok, err := b.limit(phase{mode: "sign"}, 0); ok || err != nil {
		t.Errorf("a phase without the large file: %v, %v", ok, err)
	}
}

// What is told to be protected is.
func TestProtections(t *testing.T) {
	if len(protections) != len(modes) {
		t.Error("modes without a limit")
	}
	want := bytes.Repeat([]byte("data"), 10)
	for mode, make := range protections {
		p, err := make()
		if err != nil {
			t.Fatal(err)
		}
		block, data := transfer{block: len(want)}.blocks(p)
		copy(data, want)
		p.add(block)
		changed := bytes.Clone(block)
		changed[p.front()+1] ^= 1
		if err := p.check(changed); (err == nil) != (mode == "off") {
			t.Errorf("%s, damaged: %v", mode, err)
		}
		if err := p.check(block); err != nil || !bytes.Equal(data, want) {
			t.Errorf("%s: %v, %q", mode, err, data)
		}
	}
}
