package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/duolog/duolog/eventstore/eventstoretest"
)

// TestMain builds the program as people build it, which scripts and the tests that kill it find by its name. Under the
// race detector it would take three times as long; what runs concurrently in it is tested with it in its own packages.
func TestMain(m *testing.M) {
	code, err := withProgram(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withProgram(run func() int) (int, error) {
	dir, err := os.MkdirTemp("", "duolog-program")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "duolog"), ".").CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build duolog: %w\n%s", err, out)
	}
	if err := os.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH")); err != nil {
		return 1, err
	}
	return run(), nil
}

// commands of scripts, besides testscript's own.
var scriptCommands = map[string]func(*testscript.TestScript, bool, []string){
	"exits": exits, "await": await, "post": post, "hangup": hangup,
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", Cmds: scriptCommands, RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("DUOLOG_DATA", filepath.Join(env.WorkDir, "data"))
			return setup(env)
		},
	})
}

// On PostgreSQL the scripts run that say nothing about a SQLite file.
func TestScriptsOnPostgres(t *testing.T) {
	files, err := filepath.Glob("testdata/script/both_*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	eventstoretest.NeedPostgres(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			url := eventstoretest.PostgresURL(t)
			testscript.Run(t, testscript.Params{
				Files: []string{file}, Cmds: scriptCommands, RequireExplicitExec: true,
				Setup: func(env *testscript.Env) error {
					env.Setenv("DUOLOG_DATABASE_URL", url)
					env.Setenv("DUOLOG_MASTER_KEY_FILE", filepath.Join(env.WorkDir, "keys", "master.key"))
					return setup(env)
				},
			})
		})
	}
}

// setup gives a script addresses to listen on and what a service needs to run against the sandboxes there.
func setup(env *testscript.Env) error {
	addrs, err := freeAddrs(3)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"ADDR": addrs[0], "HUBSPOT_ADDR": addrs[1], "ALOWARE_ADDR": addrs[2], "USER": "tess",
		"DUOLOG_ADDR": addrs[0], "DUOLOG_API_TOKEN": "secret-api-token",
		"HUBSPOT_BASE_URL": "http://" + addrs[1], "HUBSPOT_ACCESS_TOKEN": "secret-hubspot-token",
		"HUBSPOT_CLIENT_SECRET": "sandbox",
		"ALOWARE_BASE_URL":      "http://" + addrs[2], "ALOWARE_API_TOKEN": "secret-aloware-token",
		"ALOWARE_WEBHOOK_TOKEN": "sandbox",
	} {
		env.Setenv(name, value)
	}
	return nil
}

// freeAddrs returns addresses nobody listens on. They lie below the ports that the system gives to outgoing connections:
// one of those could be taken before the program under test listens there.
func freeAddrs(n int) ([]string, error) {
	var addrs []string
	for tries := 0; len(addrs) < n; tries++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000)))
		if err == nil {
			defer l.Close()
			addrs = append(addrs, l.Addr().String())
		} else if tries > 100 {
			return nil, err
		}
	}
	return addrs, nil
}

// exits CODE COMMAND…: the command ends with just this exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exits %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// await PATH OP VALUE…: status --json says so within a minute, as in: await contacts.in_step >= 20.
func await(ts *testscript.TestScript, _ bool, args []string) {
	if len(args)%3 != 0 {
		ts.Fatalf("await PATH OP VALUE…")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	var last, problems bytes.Buffer
	for {
		last.Reset()
		problems.Reset()
		run(ctx, []string{"status", "--json"}, strings.NewReader(""), &last, &problems, ts.Getenv)
		var status map[string]any
		if json.Unmarshal(last.Bytes(), &status) == nil && slices.IndexFunc(slices.Collect(slices.Chunk(args, 3)),
			func(c []string) bool { return !holds(status, c) }) < 0 {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("still not %s:\n%s%s", strings.Join(args, " "), last.String(), problems.String())
		case <-look.C:
		}
	}
}

// holds tells whether a condition is true of the status; a missing number is 0, a missing text empty.
func holds(status map[string]any, condition []string) bool {
	var at any = status
	for _, key := range strings.Split(condition[0], ".") {
		inner, _ := at.(map[string]any)
		at = inner[key]
	}
	want, err := strconv.ParseFloat(condition[2], 64)
	if err != nil {
		return (at == any(condition[2])) == (condition[1] == "==")
	}
	got, _ := at.(float64)
	switch condition[1] {
	case ">=":
		return got >= want
	case "==":
		return got == want
	}
	return false
}

// post STATUS URL FILE: a webhook with the file as its body is answered with the status, now or before long.
func post(ts *testscript.TestScript, _ bool, args []string) {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(3 * time.Minute); ; <-look.C {
		got := posted(ts, args[1], args[2], args[3:])
		if got == args[0] {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("answered %s, want %s", got, args[0])
		}
	}
}

func posted(ts *testscript.TestScript, url, file string, header []string) (status string) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(ts.ReadFile(file)))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	ts.Check(resp.Body.Close())
	return strconv.Itoa(resp.StatusCode)
}

// hangup tells the program started last to read its configuration again.
func hangup(ts *testscript.TestScript, _ bool, _ []string) {
	all := ts.BackgroundCmds()
	ts.Check(all[len(all)-1].Process.Signal(syscall.SIGHUP))
}
