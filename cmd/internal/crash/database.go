package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	_ "github.com/duolog/duolog/eventstore/sqlite" // brings the driver "sqlite"
)

// serverURL names the variable with a PostgreSQL server on which databases may be made.
const serverURL = "DUOLOG_TEST_DATABASE_URL"

// openDatabase makes the database of this run: a file, a database on the server named, or on a server of its own.
func (c *campaign) openDatabase(ctx context.Context) error {
	if c.Database == SQLite {
		return c.openFile()
	}
	out, err := exec.CommandContext(ctx, filepath.Join(c.root, ".ci", "pgbin")).Output() //nolint:gosec // our own script
	if err != nil {
		return fmt.Errorf("find PostgreSQL's programs: %w", err)
	}
	bin := strings.TrimSpace(string(out))
	if real, err := filepath.EvalSymlinks(filepath.Join(bin, "postgres")); err == nil {
		bin = filepath.Dir(real) // createdb lies there, and need not be linked
	}
	at := os.Getenv(serverURL)
	if c.Mode == ModePostgres {
		if at, err = c.ownServer(ctx, bin); err != nil {
			return err
		}
	}
	if at == "" {
		return fmt.Errorf("PostgreSQL needs %s: .ci/postgres go run ./cmd/internal/crash …", serverURL)
	}
	return c.makeDatabase(ctx, bin, at)
}

// openFile names the database's file, in a folder of its own when it is not to lie with the rest.
func (c *campaign) openFile() error {
	dir := c.dir
	if c.Folder != "" {
		var err error
		if dir, err = os.MkdirTemp(c.Folder, "duolog-crash-"); err != nil {
			return fmt.Errorf("make a folder for the database: %w", err)
		}
	}
	c.file = filepath.Join(dir, "duolog.db")
	c.database = "sqlite:" + c.file
	return nil
}

// integrity has SQLite check its own file.
func (c *campaign) integrity(ctx context.Context) error {
	if c.file == "" {
		return nil
	}
	db, err := sql.Open("sqlite", c.file)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var said string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&said); err != nil {
		return fmt.Errorf("check the file: %w", err)
	}
	if said != "ok" {
		c.violate("the file is damaged: %s", said)
	}
	return nil
}

// makeDatabase makes a database on the server and its tables.
func (c *campaign) makeDatabase(ctx context.Context, bin, at string) error {
	u, err := url.Parse(at)
	if err != nil {
		return errors.New(serverURL + " is not a URL") // the cause would repeat a password
	}
	name := "duolog_crash_" + strconv.FormatInt(time.Now().UnixNano(), 36)
	if err := tell(ctx, bin, at, "createdb", "--template=template0", name); err != nil {
		return err
	}
	c.drop = func(ctx context.Context) error {
		if c.server != nil {
			return nil // it goes with its server
		}
		return tell(ctx, bin, at, "dropdb", "--force", name)
	}
	u.Path = "/" + name
	c.database = u.String()
	_, err = c.duolog(ctx, "migrate", "up")
	return err
}

// tell runs one of PostgreSQL's programs against a server.
func tell(ctx context.Context, bin, at, program string, args ...string) error {
	args = append(args, "--maintenance-db="+at)
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...) //nolint:gosec // fixed words
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

// server is a PostgreSQL of this run's own, which can be stopped.
type server struct {
	c       *campaign
	bin     string
	dir     string
	port    string
	as      *syscall.Credential // nil: this user
	process *child
}

// ownServer makes and starts a server and returns its URL.
func (c *campaign) ownServer(ctx context.Context, bin string) (string, error) {
	s := &server{c: c, bin: bin}
	var err error
	if s.dir, err = os.MkdirTemp("", "duolog-crash-postgres-"); err != nil {
		return "", fmt.Errorf("make a folder: %w", err)
	}
	c.server = s
	if err := s.unprivileged(); err != nil {
		return "", err
	}
	init := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), //nolint:gosec // fixed words
		"-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	init.Dir, init.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.as}
	if out, err := init.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	if s.port, err = freePort(ctx); err != nil {
		return "", err
	}
	return "postgres://postgres@127.0.0.1:" + s.port + "/postgres?sslmode=disable", s.start(ctx)
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// unprivileged has the server run as another user when this one is root, whom PostgreSQL refuses.
func (s *server) unprivileged() error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return fmt.Errorf("find a user to run PostgreSQL as: %w", err)
		}
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.dir, int(uid), int(gid))
}

// start runs the server and waits until it answers.
func (s *server) start(ctx context.Context) error {
	p, err := spawnAs(s.as, s.c.dir, s.dir, "postgresql", os.Environ(), nil, filepath.Join(s.bin, "postgres"),
		"-D", s.data(), "-p", s.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=100")
	if err != nil {
		return err
	}
	s.process = p
	for ctx.Err() == nil && !p.ended() {
		// Written by the server itself, in its eighth line, once it accepts connections.
		b, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
		if all := strings.Split(string(b), "\n"); len(all) > 7 && strings.TrimSpace(all[7]) == "ready" {
			return nil
		}
		_ = pause(ctx, 50*time.Millisecond)
	}
	return errors.Join(errors.New("PostgreSQL did not start: see postgresql.log"), ctx.Err())
}

// stop ends the server at once: clients are cut off.
func (s *server) stop() {
	if s != nil {
		s.process.stop(syscall.SIGINT, 30*time.Second)
	}
}

// abort ends the server as a crash does, with nothing put in order.
func (s *server) abort() { s.process.stop(syscall.SIGQUIT, 30*time.Second) }

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
