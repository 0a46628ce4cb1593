package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest"
	"github.com/duolog/duolog/eventstore/sqlite"
	"github.com/duolog/duolog/migrations"
)

func config(t *testing.T) sqlite.Config {
	t.Helper()
	return sqlite.Config{Path: filepath.Join(t.TempDir(), "new", "d.db"), MasterKey: eventstore.NewMasterKey()}
}

func TestOpenWantsTheSchema(t *testing.T) {
	c := config(t)
	_, err := sqlite.Open(t.Context(), c)
	if !errors.Is(err, eventstore.ErrSchema) || !strings.Contains(err.Error(), "duolog migrate up") {
		t.Fatalf("no file: %v", err)
	}
	if _, err := os.Stat(c.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a refused open leaves a file: %v", err)
	}
	applied, err := sqlite.Migrate(t.Context(), c)
	numbers, _ := migrations.Numbers("sqlite")
	if err != nil || len(applied) != len(numbers) {
		t.Fatalf("applied %+v, %v", applied, err)
	}
	store, err := sqlite.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	if applied, err = sqlite.Migrate(t.Context(), c); err != nil || len(applied) != 0 {
		t.Fatalf("again: %+v, %v", applied, err)
	}
	info, err := os.Stat(c.Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestOpenRefusesOtherVersions(t *testing.T) {
	c := config(t)
	c.Migrate = true
	store := open(t, c)
	version := func(statement string) error {
		t.Helper()
		if _, err := store.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		c.Migrate = false
		_, err := sqlite.Open(t.Context(), c)
		return err
	}
	err := version("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	if !errors.Is(err, eventstore.ErrSchema) || !strings.Contains(err.Error(), "newer") {
		t.Errorf("newer: %v", err)
	}
	c.Migrate = true
	if _, err := sqlite.Open(t.Context(), c); !errors.Is(err, eventstore.ErrSchema) {
		t.Errorf("newer, migrating: %v", err)
	}
	err = version("DELETE FROM goose_db_version WHERE version_id > 0")
	if !errors.Is(err, eventstore.ErrSchema) || !strings.Contains(err.Error(), "older") {
		t.Errorf("older: %v", err)
	}
}

func TestManyStartAtOnce(t *testing.T) {
	c := config(t)
	c.Migrate = true
	eventstoretest.StartAtOnce(t, 6, func(ctx context.Context) (eventstore.Store, error) {
		return sqlite.Open(ctx, c)
	})
}

func TestStatus(t *testing.T) {
	c := config(t)
	if _, err := sqlite.Status(t.Context(), c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := sqlite.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	all, err := sqlite.Status(t.Context(), c)
	if err != nil || len(all) == 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, m := range all {
		if !m.Applied || m.AppliedAt.IsZero() || m.Name == "" {
			t.Errorf("%+v", m)
		}
	}
}

func TestConfigIsValidated(t *testing.T) {
	key := eventstore.NewMasterKey()
	for name, c := range map[string]sqlite.Config{
		"no path": {MasterKey: key}, "memory": {Path: ":memory:", MasterKey: key}, "no key": {Path: "x"},
		"negative": {Path: "x", MasterKey: key, Readers: -1},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAnotherMasterKeyIsRefused(t *testing.T) {
	c := config(t)
	eventstoretest.Log(t, open(t, c))
	c.MasterKey = eventstore.NewMasterKey()
	_, err := open(t, c).Log(t.Context(), "default")
	if !errors.Is(err, eventstore.ErrMasterKey) {
		t.Fatal(err)
	}
}

func TestNotADatabase(t *testing.T) {
	c := config(t)
	c.Path = filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(c.Path, []byte(strings.Repeat("not a database\n", 300)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, migrate := range []bool{false, true} {
		c.Migrate = migrate
		if _, err := sqlite.Open(t.Context(), c); err == nil {
			t.Errorf("opened, migrate %v", migrate)
		}
	}
}
