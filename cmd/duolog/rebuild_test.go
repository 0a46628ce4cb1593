package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections"
	"github.com/duolog/duolog/projections/history"
	"github.com/duolog/duolog/projections/operations"
	"github.com/duolog/duolog/projections/outbound"
)

// rebuildStage is a log of acts, without systems.
type rebuildStage struct {
	*stage
	app *app.App
}

func newRebuildStage(t *testing.T, database string, events int) *rebuildStage {
	t.Helper()
	s := &rebuildStage{stage: &stage{T: t, dir: t.TempDir()}}
	url, key := databaseOf(t, database, s.dir), filepath.Join(s.dir, "master.key")
	s.env = append(os.Environ(), "DUOLOG_DATA="+s.dir, "DUOLOG_DATABASE_URL="+url, "DUOLOG_MASTER_KEY_FILE="+key)
	cfg, err := app.LoadConfig("", func(string) string { return "" }, func(c *app.Config) {
		c.Connection, c.Data, c.DatabaseURL, c.MasterKeyFile, c.Migrate = app.DefaultConnection, s.dir, url, key, true
	})
	s.must(err)
	s.app, err = app.Open(t.Context(), cfg, (&cli{err: t.Output()}).logger(0))
	s.must(err)
	t.Cleanup(func() { _ = s.app.Close() })
	s.fill(events)
	s.must(s.app.Runner.CatchUpOf(t.Context(), history.Name))
	return s
}

// fill appends so many thousand acts.
func (s *rebuildStage) fill(events int) {
	s.Helper()
	for at := 0; at < events; at += 1000 {
		s.acts(domain.SyncPaused, 1000)
	}
}

func (s *rebuildStage) acts(kind string, n int) {
	s.Helper()
	batch := make([]eventstore.NewEvent, n)
	for i := range batch {
		batch[i] = eventstore.NewEvent{
			ID: s.app.NewID(), Stream: "connection", Type: kind, Schema: 1, Actor: "test",
			Subject: eventstore.SubjectLog, Data: []byte(`{}`),
		}
	}
	_, err := s.app.Log.Append(s.Context(), batch...)
	s.must(err)
}

func (s *rebuildStage) progress() projections.Progress {
	s.Helper()
	all, err := s.app.Runner.Rebuilds(s.Context())
	s.must(err)
	for _, p := range all {
		if p.Name == history.Name {
			return p
		}
	}
	s.Fatal("no history")
	return projections.Progress{}
}

// killed starts a rebuild and kills it when some of it is written; it reports where. The log is filled up meanwhile.
func (s *rebuildStage) killed(events int) int64 {
	s.Helper()
	if s.app.Store.Backend() == "postgres" {
		return s.killedAtTheLock(events)
	}
	s.fill(events)
	for range 20 {
		live := s.progress().Live
		p := s.start("rebuild", history.Name)
		for began := time.Now(); s.progress().Position == 0 && s.progress().Live == live; {
			if time.Since(began) > 5*time.Minute {
				s.Fatal("the rebuild writes nothing")
			}
		}
		p.end(os.Kill)
		if now := s.progress(); now.State != "" && now.Position > 0 {
			return now.Position
		}
	}
	s.Fatal("the rebuild is always over before it is killed")
	return 0
}

// killedAtTheLock is killed on PostgreSQL, where a rebuild writes so few events in one transaction, and swaps at once. So
// it is kept from the row of the version in use, waits there, and is killed while the log goes on.
func (s *rebuildStage) killedAtTheLock(events int) int64 {
	s.Helper()
	s.must(s.app.Store.InTx(s.Context(), func(tx eventstore.Tx) error {
		_, err := tx.Exec(s.Context(), `UPDATE projection SET polled_at = polled_at WHERE name = $1 AND state = 'live'`, history.Name)
		if err != nil {
			return err
		}
		p := s.start("rebuild", history.Name)
		for s.progress().Position == 0 {
			select {
			case <-p.over:
				s.Fatal("the rebuild ended by itself")
			case <-time.After(10 * time.Millisecond):
			}
		}
		p.end(os.Kill)
		return nil
	}))
	s.fill(events)
	return s.progress().Position
}

// differs runs rebuild --diff and returns what it found of the last that is named, and its exit code.
func (s *rebuildStage) differs(more ...string) (rebuilt, int) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "duolog", append([]string{"rebuild", history.Name, "--diff", "--json"}, more...)...)
	cmd.Env, cmd.Dir = s.env, s.dir
	out, err := cmd.Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		s.Fatal(err)
	}
	var r rebuilt
	for read := json.NewDecoder(bytes.NewReader(out)); read.More(); {
		r = rebuilt{}
		s.must(read.Decode(&r))
	}
	return r, cmd.ProcessState.ExitCode()
}

// TestKilledRebuild: kill -9 in the midst of a rebuild, which then goes on where it was and comes to the rows an
// undisturbed one comes to; a row changed by hand is found before the next swap, and comes back with a rollback.
func TestKilledRebuild(t *testing.T) {
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			killedRebuild(t, newRebuildStage(t, database, 6000))
		})
	}
}

func killedRebuild(t *testing.T, s *rebuildStage) {
	t.Helper()
	at := s.killed(6000)
	if _, err := s.app.Contacts.Counts(t.Context()); err != nil {
		t.Errorf("reads go on: %v", err)
	}
	if out := string(s.duolog("rebuild", "status", history.Name)); !strings.Contains(out, fmt.Sprintf("version %d", s.progress().Version)) {
		t.Errorf("killed at %d, status says\n%s", at, out)
	}
	first := int64(0)
	ctx, stop := context.WithCancel(t.Context())
	err := s.app.Runner.Resume(ctx, history.Name, func(done, _ int64) {
		if first == 0 {
			first = done
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) || first <= at {
		t.Errorf("killed at %d, it went on at %d: %v", at, first, err)
	}
	s.steered()
	if r, code := s.differs(); code != exitOK || !r.Swapped || r.Diff.Tables[0].Same != 12_000 {
		t.Errorf("the resumed one and an undisturbed one: %+v, exit %d", r, code)
	}

	live := s.progress().Live
	_, err = s.app.Store.Exec(t.Context(), `UPDATE history_entry SET type = 'by hand' WHERE version = $1 AND position = 777`, live)
	s.must(err)
	r, code := s.differs()
	if code != exitPerson || r.Swapped || r.Diff.Differences() != 1 || r.Diff.Tables[0].First[0].Key != "connection 777" {
		t.Errorf("a row changed by hand: %+v, exit %d", r, code)
	}
	if p := s.progress(); p.Live != live || p.State != projections.Resting {
		t.Errorf("nobody said it is to be swapped in: %+v", p)
	}
	if r, code = s.differs(operations.Name); code != exitPerson || r.Projection != operations.Name || !r.Swapped || s.progress().Live != live {
		t.Errorf("the one behind it: %+v, exit %d", r, code)
	}
	if out := string(s.duolog("rebuild", "cancel")); !strings.Contains(out, "history: cancelled; the version in use stays") || s.progress().State != "" {
		t.Errorf("cancelled: %s%+v", out, s.progress())
	}
	if r, code = s.differs("--yes"); code != exitPerson || !r.Swapped || s.progress().Live == live {
		t.Errorf("told to swap: %+v, exit %d", r, code)
	}
	s.duolog("rebuild", "rollback", history.Name)
	if p := s.progress(); p.Live != live {
		t.Errorf("rolled back: %+v", p)
	}
}

// steered has a rebuild rest and go on, and end.
func (s *rebuildStage) steered() {
	s.Helper()
	if out := string(s.duolog("rebuild", "pause", history.Name)); !strings.Contains(out, "history: paused") || s.progress().State != projections.Resting {
		s.Errorf("paused: %s%+v", out, s.progress())
	}
	live := s.progress().Live
	if out := string(s.duolog("rebuild", "resume")); !strings.Contains(out, "history: 12,000 events folded") || s.progress().Live == live {
		s.Errorf("resumed: %s%+v", out, s.progress())
	}
}

// TestRebuildOvertaken: who rebuilds the planner's state while another begins to is told that the other one goes on.
func TestRebuildOvertaken(t *testing.T) {
	t.Parallel()
	s := newRebuildStage(t, "sqlite", 0)
	s.acts(domain.ExportMade, 300)
	_, err := outbound.New(outbound.Config{DB: s.app.Store, Log: s.app.Log}).Step(t.Context())
	s.must(err)
	first := true
	err = outbound.Rebuild(t.Context(), s.app.Store, s.app.Log, func(int64, int64) {
		if first {
			first = false
			s.duolog("rebuild", "outbound")
		}
	})
	if h := hintOf((&cli{}).stopped(plannerState, err)); !strings.Contains(h, "another process began") {
		t.Errorf("%v, hint %q", err, h)
	}
}
