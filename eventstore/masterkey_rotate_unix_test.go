//go:build unix

package eventstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

// TestLoadedWhileARotationEnds: who reads the files of a key that is being rotated at the very moment the rotation ends
// wraps by the new key, never by the old one alone.
func TestLoadedWhileARotationEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	key, err := eventstore.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.BeginRotation(); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A pipe in the place of the old key: reading it takes until the rotation is over.
	err = errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		pipe, err := os.OpenFile(path, os.O_WRONLY, 0) // opens when the reader is there
		if err == nil {
			err = os.Rename(path+".next", path)
			_, wrote := pipe.Write(old)
			err = errors.Join(err, wrote, pipe.Close())
		}
		done <- err
	}()
	loaded, err := eventstore.LoadMasterKey(path)
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	if loaded.ID() != key.ID() {
		t.Errorf("it wraps by %s, which is put aside; the key is %s", loaded.ID(), key.ID())
	}
}

// TestARotationEndedElsewhere: a process that was about to end a rotation must not put the key of the next one in the
// place of the key that everything is wrapped by.
func TestARotationEndedElsewhere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	one, err := eventstore.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := one.BeginRotation(); err != nil {
		t.Fatal(err)
	}
	other, err := eventstore.LoadMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	_, wrapped := other.Wrap("p", []byte("secret"))
	if _, err := other.EndRotation(); err != nil {
		t.Fatal(err)
	}
	if err := other.BeginRotation(); err != nil {
		t.Fatal(err)
	}
	if old, err := one.EndRotation(); err != nil || old != "" {
		t.Errorf("ended a second time: %q, %v", old, err)
	}
	if other.Reload(); other.Rotating() == "" {
		t.Error("the next rotation is over")
	}
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	opened := false
	for _, name := range names {
		key, err := eventstore.LoadMasterKey(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = key.Unwrap("p", wrapped)
		opened = opened || err == nil
	}
	if !opened {
		t.Errorf("no file of %v opens what was wrapped", names)
	}
}
