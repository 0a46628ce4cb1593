package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// child is a process in a group of its own, so that a Ctrl-C reaches this program first.
type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  *os.File
}

// spawn starts a process whose output goes to a file of the folder, and line by line to hear.
func spawn(dir, name string, env []string, hear func(line string), program string, args ...string) (*child, error) {
	return spawnAs(nil, dir, dir, name, env, hear, program, args...)
}

// spawnAs is spawn as another user, in a folder of its own.
func spawnAs(as *syscall.Credential, logs, dir, name string, env []string, hear func(line string), program string,
	args ...string,
) (*child, error) {
	log, err := os.OpenFile(filepath.Join(logs, name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log of %s: %w", name, err)
	}
	cmd := exec.Command(program, args...) //nolint:noctx // ended by signals, never by a context
	c := &child{name: name, cmd: cmd, done: make(chan struct{}), log: log}
	out := &lines{to: log, hear: hear}
	c.cmd.Env, c.cmd.Dir, c.cmd.Stdout, c.cmd.Stderr = env, dir, out, out
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = c.cmd.Wait()
		_ = log.Close()
		close(c.done)
	}()
	return c, nil
}

// signal sends a signal to the whole group.
func (c *child) signal(s syscall.Signal) { _ = syscall.Kill(-c.cmd.Process.Pid, s) }

// kill ends it without warning and waits until it is gone.
func (c *child) kill() {
	if c == nil {
		return
	}
	if !c.ended() {
		c.signal(syscall.SIGKILL)
	}
	<-c.done
}

// stop asks it to end, and insists after a while.
func (c *child) stop(s syscall.Signal, patience time.Duration) (clean bool) {
	if c == nil || c.ended() {
		return true
	}
	c.signal(s)
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-c.done:
		return true
	case <-t.C:
		c.kill()
		return false
	}
}

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// lines copies what is written and hands on each whole line.
type lines struct {
	to   *os.File
	hear func(string)

	mu   sync.Mutex
	rest []byte
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.to.Write(b)
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return n, err
		}
		l.rest = bytes.Clone(rest)
		if l.hear != nil {
			l.hear(string(line))
		}
	}
}

// pause waits, or returns why not.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
