package app_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/cmd/internal/app"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/postgres"
	"github.com/duolog/duolog/eventstore/transfer"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/replay"
)

// oldLogs are logs as programs of their day wrote them. They are never made again: each must fold and replay to the same
// for ever. When a schema number rises, a log that holds the new one is added.
var oldLogs = []string{"log-1"}

var makeLog = flag.String("make-old-log", "", "write a log of today to testdata under this name, for the day it is old")

// TestOldLogs: what an earlier program wrote still verifies, comes to the same contacts and histories when everything is
// folded from the log alone, and is decided in the same way.
func TestOldLogs(t *testing.T) {
	if *makeLog != "" {
		makeOldLog(t, filepath.Join("testdata", *makeLog))
	}
	for _, name := range oldLogs {
		oldOnEach(t, name, func(t *testing.T, path string, a *app.App) {
			want, err := os.ReadFile(path + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			got := told(t, a)
			if *makeLog == name {
				want = []byte(got)
				if err := os.WriteFile(path+".txt", want, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			was, is := strings.Split(string(want), "\n"), strings.Split(got, "\n")
			for i := range min(len(was), len(is)) {
				if was[i] != is[i] {
					t.Fatalf("line %d of %s.txt:\nwas %s\nis  %s", i+1, path, was[i], is[i])
				}
			}
			if len(was) != len(is) {
				t.Errorf("%d lines in %s.txt, %d now", len(was), path, len(is))
			}
		})
	}
}

// oldOnEach runs a test on a log as it is kept, and on the same log in PostgreSQL.
func oldOnEach(t *testing.T, name string, test func(t *testing.T, path string, a *app.App)) {
	t.Helper()
	path := filepath.Join("testdata", name)
	t.Run(name+"/sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, path, openOldLog(t, path))
	})
	t.Run(name+"/postgres", func(t *testing.T) {
		t.Parallel()
		test(t, path, onPostgres(t, openOldLog(t, path)))
	})
}

// onPostgres opens a copy of a log in PostgreSQL: the same events at the same positions.
func onPostgres(t *testing.T, from *app.App) *app.App {
	t.Helper()
	key, err := eventstore.LoadMasterKey(from.MasterKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	c := from.Config
	c.DatabaseURL = eventstoretest.PostgresURL(t)
	to, err := postgres.Open(t.Context(), postgres.Config{URL: c.DatabaseURL, MasterKey: key, Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	done, err := transfer.Copy{From: from.Store, To: to, Key: key, NewKey: key}.Run(t.Context())
	if err == nil {
		err = transfer.Set(t.Context(), to, transfer.Own, done.At)
	}
	if err = errors.Join(err, to.Close()); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// openOldLog opens a copy of a log: it holds the log's own tables and nothing that was made of them.
func openOldLog(t *testing.T, path string) *app.App {
	t.Helper()
	dir := t.TempDir()
	packed, err := os.Open(path + ".db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	plain, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"old.db": data, "old.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.Open(t.Context(), app.Config{
		Connection: "default", DatabaseURL: "sqlite:" + filepath.Join(dir, "old.db"), Data: dir, Migrate: true,
		MasterKeyFile: filepath.Join(dir, "old.key"),
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// told is all a log comes to, as text.
func told(t *testing.T, a *app.App) string {
	t.Helper()
	var b strings.Builder
	checked, err := a.Verify(t.Context(), app.VerifyOptions{})
	if err != nil || !checked.OK() {
		t.Fatalf("verify: %v, %+v", err, checked.Faults)
	}
	fmt.Fprintf(&b, "events %d, sealed %d\n", checked.Events, checked.Sealed)
	if err := a.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, err := a.Runner.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range status {
		if p.Lag > 0 || p.Parked > 0 {
			t.Errorf("%s is %d behind, %d events are parked", p.Name, p.Lag, p.Parked)
		}
	}
	var people []contacts.Contact
	if err := a.EachContact(t.Context(), func(c contacts.Contact) error { people = append(people, c); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, c := range people {
		line, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", line)
		b.WriteString(timeline(t, a, c.ID))
	}
	ops, err := a.Operations.List(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range ops {
		fmt.Fprintf(&b, "operation %d %s %s %v\n", o.Position, o.Name, o.State, o.Counts)
	}
	sum, err := replay.Run(t.Context(), replay.Config{DB: a.Store, Log: a.Log, Planned: checked.Head})
	if err != nil || sum.Differences() > 0 {
		t.Fatalf("replay: %v, %d differences, first %+v", err, sum.Differences(), sum.First)
	}
	fmt.Fprintf(&b, "replayed %d decisions\n", sum.Decisions)
	return b.String()
}

func timeline(t *testing.T, a *app.App, id ulid.ULID) string {
	t.Helper()
	entries, err := a.History.Timeline(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "  %d %s %s", e.Position, e.Kind, e.By)
		for _, c := range e.Changes {
			fmt.Fprintf(&b, " %s:%s→%s", c.Property, c.Before, c.After)
		}
		for _, s := range e.Steps {
			fmt.Fprintf(&b, " %d:%s", s.Position, s.Kind)
			if s.Decision != nil {
				for _, v := range s.Decision.Verdicts {
					fmt.Fprintf(&b, " %s=%s", v.Field, v.Result)
				}
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// makeOldLog has a rig write a log with a bit of everything, and keeps what is the log's own of it.
func makeOldLog(t *testing.T, path string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "old.db")
	people := sandboxkit.People(3, 5)
	r := start(t, plan{database: "sqlite:" + file, people: people})
	r.settle()
	sandboxkit.Traffic{Aloware: r.aloware, HubSpot: r.hubspot, Seed: 3, CreateShare: 0.2, FirstPerson: len(people)}.Do(15)
	r.settle()
	ada, err := r.hubspot.Create(adaHubSpot, "7")
	r.must(err)
	twin, err := r.hubspot.Create(map[string]string{"firstname": "Augusta", "email": "augusta@people.example", "phone": gracePhone}, "7")
	r.must(err)
	r.settle()
	_, err = r.hubspot.Merge(ada, twin)
	r.must(err)
	r.settle()
	by := httpapi.By{Actor: "test", Reason: "a log to keep"}
	_, err = r.Pause(t.Context(), by)
	r.must(err)
	_, err = r.Resume(t.Context(), by)
	r.must(err)
	r.set(func(s *settings.Settings) { s.Fields[0].Conflict = settings.NewestWins })
	_, err = r.Decide(t.Context(), httpapi.Verdict{Contact: r.contact("hubspot:" + r.hubspot.All()[0].ID).ID, Verdict: domain.VerdictExclude}, by)
	r.must(err)
	r.settle()
	r.agreed()
	r.stop()
	strip(t, file)
	keep(t, r.config.MasterKeyFile, path+".key", false)
	keep(t, file, path+".db.gz", true)
	if err := os.WriteFile(path+".txt", nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// strip empties every table that is made of the log or belongs to a process.
func strip(t *testing.T, file string) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	own := []string{"event", "append_key", "log_head", "subject_key", "tree_hash", "tree_head"}
	for _, name := range tables {
		if slices.Contains(own, name) || strings.HasPrefix(name, "sqlite_") || strings.Contains(name, "goose") {
			continue
		}
		if _, err := db.ExecContext(t.Context(), "DELETE FROM "+name); err != nil {
			t.Fatal(err)
		}
	}
	for _, statement := range []string{"PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func keep(t *testing.T, from, to string, packed bool) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if packed {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
		_, err = w.Write(data)
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		data = b.Bytes()
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestServeRefusesANewerLog: a log at whose end a newer program wrote is not served, and it is said what to do.
func TestServeRefusesANewerLog(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := sandboxes(t, plan{database: database})
		a, err := app.Open(t.Context(), r.config, r.logger)
		r.must(err)
		defer func() { _ = a.Close() }()
		for _, kind := range []string{domain.SyncPaused, "sync.dreamt"} {
			_, err = a.Log.Append(t.Context(), eventstore.NewEvent{
				ID: a.NewID(), Stream: "connection", Type: kind, Schema: 9, Actor: "test", Subject: eventstore.SubjectLog, Data: []byte("{}"),
			})
			r.must(err)
		}
		l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		r.must(err)
		err = a.Serve(t.Context(), l)
		if !errors.Is(err, app.ErrRefused) || !errors.Is(err, domain.ErrNewerSchema) || !errors.Is(err, domain.ErrUnknownEvent) ||
			!strings.Contains(err.Error(), "start the version that wrote them") {
			t.Errorf("%v", err)
		}
	})
}
