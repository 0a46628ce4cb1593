package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// removeDatabase removes a SQLite file and those beside it that belong to it.
func removeDatabase(path string) error {
	var all error
	for _, end := range []string{"", "-wal", "-shm", "-journal", ".migrate", ".migrate-journal"} {
		if err := os.Remove(path + end); !errors.Is(err, fs.ErrNotExist) {
			all = errors.Join(all, err)
		}
	}
	return all
}

// syncFolder makes a new name in the folder of a file last.
func syncFolder(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
