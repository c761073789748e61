package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a terminal: what is typed goes into the first.
func openTerminal(t *testing.T) (keyboard, tty *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("a machine without pseudo-terminals:", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Skip("a machine without pseudo-terminals:", err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Skip("a machine without pseudo-terminals:", err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("a machine without pseudo-terminals:", err)
	}
	t.Cleanup(func() { tty.Close() })
	return keyboard, tty
}

func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// questions is what a user is told, and tells of each question that he is asked.
type questions struct {
	bytes.Buffer
	asked chan struct{}
}

func (q *questions) Write(p []byte) (int, error) {
	n, err := q.Buffer.Write(p)
	if bytes.HasSuffix(p, []byte(": ")) {
		q.asked <- struct{}{}
	}
	return n, err
}

// At a terminal a password is asked for twice, and isn't shown.
func TestUserAtTerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "f")
	type typed struct {
		first, second string
		code          int
		want          string
	}
	for _, tt := range []typed{
		{"one", "two", 1, "differ"},
		{"secret", "secret", 0, "Once more"},
	} {
		keyboard, tty := openTerminal(t)
		type result struct {
			msg  string
			code int
		}
		done := make(chan result)
		msg := &questions{asked: make(chan struct{}, 2)}
		go func() {
			var out bytes.Buffer
			code := runUser([]string{"add", "-ksmbdpwd", file, "ann"}, tty, &out, msg)
			done <- result{msg.String(), code}
		}()
		for _, line := range []string{tt.first, tt.second} {
			select {
			case <-msg.asked:
			case r := <-done:
				t.Fatalf("%+v: not asked: %+v", tt, r)
			}
			for i := 0; echoes(t, tty); i++ { // what is typed now is thrown away
				if i == 500 {
					t.Fatal("the terminal shows what is typed")
				}
				time.Sleep(10 * time.Millisecond)
			}
			if _, err := keyboard.WriteString(line + "\n"); err != nil {
				t.Fatal(err)
			}
		}
		r := <-done
		if r.code != tt.code || !strings.Contains(r.msg, tt.want) || strings.Contains(r.msg, "secret") {
			t.Errorf("%+v: %+v", tt, r)
		}
		if !echoes(t, tty) {
			t.Error("the terminal shows nothing any more")
		}
	}
}
