package kept

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore/treehead"
)

// Folder is where the files lie. The empty one keeps nothing.
type Folder string

// Head returns the last head that was kept of a log; false when there is none. Whose signature it bears is not looked at.
func (f Folder) Head(log ulid.ULID) (h treehead.Head, found bool, err error) {
	if f == "" {
		return h, false, nil
	}
	path := f.file(log, ".head")
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, false, nil
	}
	if err == nil {
		h, err = treehead.Parse(string(text))
	}
	if err != nil {
		return h, false, fmt.Errorf("read the head kept in %s: %w", path, err)
	}
	return h, true, nil
}

// SaveHead keeps a head, unless one is kept that says more.
func (f Folder) SaveHead(h treehead.Head, note string) error {
	if f == "" {
		return nil
	}
	was, found, err := f.Head(h.LogID)
	if err == nil && found && (was.Generation > h.Generation || was.Generation == h.Generation && was.Size >= h.Size) {
		return nil
	}
	if err := f.replace(f.file(h.LogID, ".head"), note); err != nil {
		return fmt.Errorf("keep a head: %w", err)
	}
	return nil
}

func (f Folder) file(log ulid.ULID, end string) string {
	return filepath.Join(string(f), log.String()+end)
}

// replace gives a file another content, whole or not at all.
func (f Folder) replace(path, content string) error {
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(string(f), filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }()
	_, err = temp.WriteString(content)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return syncFolder(string(f))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
