package eventstore_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

func TestMasterKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "master.key")
	made, err := eventstore.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	loaded, err := eventstore.LoadMasterKey(path)
	if err != nil || loaded.ID() != made.ID() || len(loaded.ID()) != 16 || loaded.IsZero() {
		t.Fatalf("loaded %v, made %v, %v", loaded, made, err)
	}
	if _, err := eventstore.CreateMasterKey(path); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("made over a key that is there: %v", err)
	}
	if again, err := eventstore.LoadMasterKey(path); err != nil || again.ID() != made.ID() {
		t.Fatalf("the key that was there is gone: %v", err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLoadMasterKeyRefusesWithoutRepeating(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "short": strings.Repeat("ab", 31), "long": strings.Repeat("ab", 33),
		"not hex": strings.Repeat("ab", 31) + "zy",
	} {
		path := filepath.Join(t.TempDir(), "k")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := eventstore.LoadMasterKey(path)
		if err == nil {
			t.Errorf("%s: loaded", name)
		} else if text != "" && strings.Contains(err.Error(), "ab") || strings.Contains(err.Error(), "z") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
	if _, err := eventstore.LoadMasterKey(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestMasterKeyWraps(t *testing.T) {
	one, other := eventstore.NewMasterKey(), eventstore.NewMasterKey()
	_, wrapped := one.Wrap("p", []byte("secret"))
	if plain, err := one.Unwrap("p", wrapped); err != nil || string(plain) != "secret" {
		t.Fatalf("%q, %v", plain, err)
	}
	for name, unwrap := range map[string]func() ([]byte, error){
		"another key":     func() ([]byte, error) { return other.Unwrap("p", wrapped) },
		"another purpose": func() ([]byte, error) { return one.Unwrap("q", wrapped) },
		"cut":             func() ([]byte, error) { return one.Unwrap("p", wrapped[:8]) },
	} {
		if _, err := unwrap(); !errors.Is(err, eventstore.ErrMasterKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key wrapped by the first release must unwrap for ever.
func TestWrappedSample(t *testing.T) {
	key, err := eventstore.LoadMasterKey("testdata/master.key")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/wrapped.hex")
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := key.Unwrap("sample", wrapped); err != nil || string(plain) != "what was wrapped" {
		t.Errorf("%q, %v", plain, err)
	}
	if key.ID() != "4884fdaafea47c29" {
		t.Errorf("id %s", key.ID())
	}
}

func TestMasterKeyPrintsAsItsID(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	key, err := eventstore.CreateMasterKey(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	numbers := strings.Trim(fmt.Sprintf("%d", raw[:4]), "[]")
	type holder struct{ Key eventstore.MasterKey }
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		for _, v := range []any{key, &key, holder{key}, []eventstore.MasterKey{key}} {
			out := fmt.Sprintf(format, v)
			if strings.Contains(out, string(text[:8])) || strings.Contains(out, numbers) {
				t.Errorf("%s of %T shows the key", format, v)
			}
		}
	}
}
