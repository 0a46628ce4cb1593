package bench

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// request is what the program of the followers reads.
type request struct {
	Feed        string // a URL
	Followers   int
	After, Last int64 // positions
}

// report is what it writes: an empty one when all of them listen, and then what they heard.
type report struct {
	Heard [][]int64 // by follower and event: when, in Unix nanoseconds
	Err   string
}

// followers are a running program.
type followers struct {
	cmd   *exec.Cmd
	input io.Closer
	out   *gob.Decoder
}

// follow starts the program and returns when all of them listen.
func (c Config) follow(ctx context.Context, r request) (*followers, error) {
	cmd, err := c.Listener(ctx)
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the followers: %w", err)
	}
	f := &followers{cmd: cmd, input: in, out: gob.NewDecoder(out)}
	err = gob.NewEncoder(in).Encode(r)
	if err == nil {
		_, err = f.hear()
	}
	if err != nil {
		_, stopped := f.end(false)
		return nil, errors.Join(err, stopped)
	}
	return f, nil
}

// hear waits for a report.
func (f *followers) hear() ([][]int64, error) {
	var r report
	if err := f.out.Decode(&r); err != nil {
		return nil, fmt.Errorf("the followers' program: %w", err)
	}
	if r.Err != "" {
		return nil, errors.New(r.Err)
	}
	return r.Heard, nil
}

// end waits for what they heard, or stops them.
func (f *followers) end(wait bool) (heard [][]int64, err error) {
	if wait {
		heard, err = f.hear()
	} else {
		err = f.cmd.Process.Kill()
	}
	_ = f.input.Close()
	_ = f.cmd.Wait() // it said what it had to say
	return heard, err
}
