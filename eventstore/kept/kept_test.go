package kept_test

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/duolog/duolog/eventstore/kept"
	"github.com/duolog/duolog/eventstore/treehead"
)

func entries(n int) (all []kept.Entry) {
	var last ulid.ULID
	for i := range n {
		e := kept.Entry{
			ID: ulid.MustNew(uint64(i+1), rand.Reader), After: last, Generation: 1, Position: int64(10 * (i + 1)), At: 5,
			Contact: ulid.MustNew(7, rand.Reader), Streams: []string{"hubspot/contact/512"},
		}
		last = e.ID
		all = append(all, e)
	}
	return all
}

func same(a, b kept.Entry) bool {
	return a.ID == b.ID && a.After == b.After && a.Position == b.Position
}

// TestErasures: what is appended is read, by whoever has the secret; a piece of a line that a process left when it died
// harms nobody, and everything else that was not written is found.
func TestErasures(t *testing.T) {
	f, l := kept.Folder(filepath.Join(t.TempDir(), "heads")), kept.List{Log: ulid.Make(), Secret: []byte("s")}
	if _, err := f.Erasures(l); !errors.Is(err, fs.ErrNotExist) {
		t.Error("none:", err)
	}
	if err := f.Writable(l); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Erasures(l); err != nil || len(got) != 0 {
		t.Error("empty:", got, err)
	}
	all, path := entries(4), filepath.Join(string(f), l.Log.String()+".erasures")
	if err := f.Append(l, all[:2]...); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Append(l, all[2]); err != nil {
		t.Fatal(err)
	}
	longer, _ := os.ReadFile(path)
	for cut := len(text) + 1; cut < len(longer); cut += 37 { // it died at any byte, and did it again
		if err := os.WriteFile(path, longer[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Erasures(l); err != nil || len(got) != 2 {
			t.Fatalf("cut at %d: %v %v", cut, got, err)
		}
		if err := f.Append(l, all[2:]...); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Erasures(l); err != nil || !slices.EqualFunc(got, all, same) {
			t.Fatalf("cut at %d and gone on: %v %v", cut, got, err)
		}
	}
	for what, change := range map[string]func(string) string{
		"a record": func(s string) string { // and not the log's id, which may hold the same digits
			heading, rest, _ := strings.Cut(s, "\n")
			return heading + "\n" + strings.Replace(rest, "512", "513", 1)
		},
		"a sum":        func(s string) string { return s[:len(s)-3] + "0\n" + s[len(s):] + "x\n" },
		"no beginning": func(s string) string { return s[5:] },
	} {
		if err := os.WriteFile(path, []byte(change(string(longer))), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Erasures(l); !errors.Is(err, kept.ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	other := kept.List{Log: ulid.Make(), Secret: l.Secret}
	if _, err := other.Read(path); err == nil {
		t.Error("the list of another log is taken")
	}
}

// TestLost: what a log does not know of is found in any order and from several lists, once; a gap is, too.
func TestLost(t *testing.T) {
	all := entries(4)
	again := all[2]
	again.ID, again.Again, again.Generation, again.After = ulid.Make(), all[2].ID, 2, all[1].ID
	known := map[ulid.ULID]bool{all[0].ID: true, all[1].ID: true}
	mixed := []kept.Entry{again, all[3], all[2], all[3], all[1]}
	got, err := kept.Lost(mixed, known)
	if err != nil || len(got) != 2 || !same(got[0], all[2]) || !same(got[1], all[3]) {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := kept.Lost([]kept.Entry{all[3]}, known); !errors.Is(err, kept.ErrDamaged) {
		t.Error("one is missing:", err)
	}
	known[all[2].ID] = true
	if got, err := kept.Lost(mixed, known); err != nil || len(got) != 1 || !same(got[0], all[3]) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestHead: the head that says most is kept.
func TestHead(t *testing.T) {
	f, log := kept.Folder(filepath.Join(t.TempDir(), "heads")), ulid.Make()
	key, err := treehead.NewKey("default", make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []treehead.Head{
		{Size: 5, Generation: 1}, {Size: 9, Generation: 1}, {Size: 7, Generation: 1}, {Size: 3, Generation: 2}, {Size: 12, Generation: 1},
	} {
		h.LogID, h.Connection, h.At, h.Root = log, "default", time.Now().UnixMicro(), tlog.Hash{1}
		note, err := h.Sign(key)
		if err == nil {
			err = f.SaveHead(h, note)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if h, found, err := f.Head(log); err != nil || !found || h.Size != 3 || h.Generation != 2 {
		t.Errorf("%+v %v %v", h, found, err)
	}
	if _, found, err := f.Head(ulid.Make()); err != nil || found {
		t.Error("of another log:", found, err)
	}
	if err := os.WriteFile(filepath.Join(string(f), log.String()+".head"), []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Head(log); err == nil {
		t.Error("a damaged one is read")
	}
}
