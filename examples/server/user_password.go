package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"
)

// maxPassword bounds a password, in bytes.
const maxPassword = 1024

// readPassword asks for a new password at a terminal, twice and without showing it.
// From anything else it takes the first line.
func readPassword(in *os.File, prompt io.Writer, name string) (string, error) {
	fd := int(in.Fd())
	if !term.IsTerminal(fd) {
		line, err := bufio.NewReader(io.LimitReader(in, maxPassword+2)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		line, ended := strings.CutSuffix(line, "\n")
		if ended {
			line = strings.TrimSuffix(line, "\r")
		}
		return line, checkPassword(line)
	}
	defer showAgain(fd)()
	first, err := askHidden(fd, prompt, fmt.Sprintf("New password for %s: ", name))
	if err != nil {
		return "", err
	}
	if err := checkPassword(first); err != nil {
		return "", err
	}
	second, err := askHidden(fd, prompt, "Once more: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ: nothing was changed")
	}
	return first, nil
}

func askHidden(fd int, prompt io.Writer, question string) (string, error) {
	fmt.Fprint(prompt, question)
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(prompt)
	return string(b), err
}

// showAgain has the terminal show what is typed again, also when a signal ends the
// program in between. The function that it returns ends that.
func showAgain(fd int) (end func()) {
	state, err := term.GetState(fd)
	if err != nil {
		return func() {}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; ok {
			term.Restore(fd, state)
			os.Exit(1)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}

// checkPassword reports what can't be a password.
func checkPassword(s string) error {
	switch {
	case s == "":
		return errors.New("the password is empty, with which nobody could log on: nothing was changed")
	case len(s) > maxPassword:
		return fmt.Errorf("the password has more than %d bytes: nothing was changed", maxPassword)
	case !utf8.ValidString(s):
		return errors.New("the password is not UTF-8: nothing was changed")
	}
	return nil
}
