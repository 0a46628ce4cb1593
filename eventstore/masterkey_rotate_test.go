package eventstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

// TestWrappedByAStraggler: what a process wrapped that stood still during a rotation can be opened, and so be wrapped anew,
// until the old key is destroyed.
func TestWrappedByAStraggler(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	key, err := eventstore.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	straggler, err := eventstore.LoadMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.BeginRotation(); err != nil {
		t.Fatal(err)
	}
	old, err := key.EndRotation()
	if err != nil || old == "" {
		t.Fatal(old, err)
	}
	id, wrapped := straggler.Wrap("of her", []byte("secret"))
	if id == key.ID() {
		t.Fatal("it had heard of the new key")
	}
	for _, k := range []eventstore.MasterKey{key, straggler} {
		if got, err := k.Unwrap("of her", wrapped); err != nil || string(got) != "secret" {
			t.Errorf("%q, %v", got, err)
		}
	}
	if err := os.Remove(old); err != nil {
		t.Fatal(err)
	}
	if _, err := key.Unwrap("of her", wrapped); !errors.Is(err, eventstore.ErrMasterKey) {
		t.Errorf("without the old key: %v", err)
	}
}
