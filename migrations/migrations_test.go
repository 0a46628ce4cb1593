package migrations_test

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/duolog/duolog/migrations"
)

func numbers(t *testing.T, backend string) []int64 {
	t.Helper()
	all, err := migrations.Numbers(backend)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestBothBackendsHaveTheSameNumbersInOrder(t *testing.T) {
	sqlite, postgres := numbers(t, "sqlite"), numbers(t, "postgres")
	if !slices.Equal(sqlite, postgres) {
		t.Fatalf("sqlite has %v, postgres %v", sqlite, postgres)
	}
	if !slices.IsSorted(sqlite) || len(slices.Compact(slices.Clone(sqlite))) != len(sqlite) {
		t.Fatalf("numbers %v: want each once, in order", sqlite)
	}
}

func TestLatestIsTheLastFile(t *testing.T) {
	latest, err := migrations.Latest("sqlite")
	if err != nil {
		t.Fatal(err)
	}
	if all := numbers(t, "sqlite"); latest != all[len(all)-1] {
		t.Fatalf("latest %d of %v", latest, all)
	}
}

func TestForServesTheFolder(t *testing.T) {
	for _, backend := range []string{"sqlite", "postgres"} {
		fsys, err := migrations.For(backend)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fs.Stat(fsys, "0001_log.sql"); err != nil {
			t.Errorf("%s: %v", backend, err)
		}
	}
}
