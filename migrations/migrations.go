// Package migrations holds the schema of a Duolog database as numbered SQL files, the same numbers for SQLite and
// for PostgreSQL, in goose's format.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed sqlite/*.sql postgres/*.sql
var files embed.FS

// For returns the files of a backend, "sqlite" or "postgres".
func For(backend string) (fs.FS, error) {
	sub, err := fs.Sub(files, backend)
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", backend, err)
	}
	return sub, nil
}

// Numbers returns the versions a backend has, ascending.
func Numbers(backend string) ([]int64, error) {
	entries, err := files.ReadDir(backend)
	if err != nil {
		return nil, fmt.Errorf("migrations of %s: %w", backend, err)
	}
	numbers := make([]int64, 0, len(entries))
	for _, entry := range entries {
		digits, _, _ := strings.Cut(entry.Name(), "_")
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("migration %s/%s: its name must begin with its number", backend, entry.Name())
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// Latest is the version this program works with.
func Latest(backend string) (int64, error) {
	numbers, err := Numbers(backend)
	if err != nil {
		return 0, err
	}
	if len(numbers) == 0 {
		return 0, fmt.Errorf("no migrations for %s", backend)
	}
	return numbers[len(numbers)-1], nil
}
