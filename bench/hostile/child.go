package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// The server and the honest client are processes of their own, this program again, so
// that what is measured of them is theirs. They read a word per line and answer each with
// a line of JSON.

// kindVariable tells a process what it is.
const kindVariable = "SMB_HOSTILE"

type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// apart runs the attackers, which are this program once more, and returns the exit code.
// They are a session of their own, and so to Linux a group whose share of the CPUs can be
// set: on a network they would have their own CPUs, and what they do with those of the
// server is not what it does to the honest client.
func apart() int {
	runtime.LockOSThread() // whose end would be the child's
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), kindVariable+"=attackers")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = ownSession(true)
	if err := cmd.Run(); cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
	}
	return cmd.ProcessState.ExitCode()
}

// giveWay gives the attackers a tenth of the share that the server and the honest client
// have, each. Linux keeps groups of processes apart like that if sched_autogroup_enabled
// is set.
func giveWay() {
	if err := os.WriteFile("/proc/self/autogroup", []byte("10"), 0); err != nil {
		fmt.Fprintln(os.Stderr, "hostile: the attackers have as much of the CPUs as the server:", err)
	}
}

// startChild starts this program as kind, which reads cfg first.
func startChild(kind string, cfg, hello any) (*child, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), kindVariable+"="+kind)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = ownSession(false) // it doesn't give way, see apart
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd, in, bufio.NewReader(out)}
	line, err := json.Marshal(cfg)
	if err == nil {
		err = c.ask(string(line), hello)
	}
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return c, nil
}

// ask sends a line and reads the answer.
func (c *child) ask(line string, answer any) error {
	if _, err := fmt.Fprintln(c.in, line); err != nil {
		return err
	}
	b, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("it ended: %w", err)
	}
	return json.Unmarshal(b, answer)
}

// stop ends the process, which is told so by the end of its input.
func (c *child) stop() {
	c.in.Close()
	late := time.AfterFunc(20*time.Second, func() { c.cmd.Process.Kill() })
	defer late.Stop()
	c.cmd.Wait()
}

// answerLines is the child's side of ask.
func answerLines(first func(line []byte) any, each func(words []string) any) error {
	r := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for n := 0; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if n == 0 {
			err = out.Encode(first(line))
		} else {
			err = out.Encode(each(strings.Fields(string(line))))
		}
		if err != nil {
			return err
		}
	}
}

// procValue returns a value of /proc/PID/status in bytes.
func procValue(pid int, key string) int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}

// procCPU returns the CPU time that the process used.
func procCPU(pid int) time.Duration {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
