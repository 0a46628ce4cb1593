package eventstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// A key is rotated by its files. NAME.next holds the key that takes the place of the one in NAME: made once, whoever is
// first; from then on both open, and the new one wraps. When nothing is left that the old one wrapped, it is put aside as
// NAME.old-ID, and the new one takes its name. A crash at any point leaves files from which the rotation goes on.
const (
	nextKey = ".next"
	oldKey  = ".old-"
)

// Rotating names the key that is being replaced; empty while none is.
func (m MasterKey) Rotating() string {
	if keys := m.all(); len(keys) > 1 {
		return idOf(keys[1])
	}
	return ""
}

// BeginRotation makes the key that takes the place of the one in the file, unless a rotation is under way.
func (m MasterKey) BeginRotation() error {
	if m.IsZero() || m.ring.path == "" {
		return errors.New("rotate master key: it is kept in no file")
	}
	err := NewMasterKey().Save(m.ring.path + nextKey)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	m.Reload()
	return nil
}

// EndRotation puts the old key aside and returns the file it is in. Nothing may be left that it wrapped. The files are
// looked at again: one that another process has ended meanwhile is not ended a second time, over the key of a next one.
func (m MasterKey) EndRotation() (old string, err error) {
	keys := m.all()
	if len(keys) < 2 || m.Reload() {
		return "", nil
	}
	old = m.ring.path + oldKey + idOf(keys[1])
	if err := (MasterKey{&ring{keys: keys[1:]}}).Save(old); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := os.Rename(m.ring.path+nextKey, m.ring.path); err != nil {
		return "", err
	}
	m.Reload()
	return old, syncFolder(filepath.Dir(m.ring.path))
}

// aside are the keys that were put aside, as far as nobody has destroyed them.
func (m MasterKey) aside() (keys [][32]byte) {
	if m.IsZero() || m.ring.path == "" {
		return nil
	}
	paths, err := filepath.Glob(m.ring.path + oldKey + "*")
	if err != nil {
		return nil // the path is no pattern
	}
	for _, path := range paths {
		if key, err := readKey(path); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}
