package kept_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore/kept"
)

// FuzzErasures: whatever stands in the file, what is read of it was written by who has the secret; and written again it is
// read as the same.
func FuzzErasures(f *testing.F) {
	id := func(n uint64) ulid.ULID { return ulid.MustNew(n, bytes.NewReader(make([]byte, 16))) }
	all := []kept.Entry{
		{ID: id(1), Generation: 1, Position: 10, At: 5, Contact: id(7), Streams: []string{"hubspot/contact/512"}},
		{ID: id(2), After: id(1), Generation: 1, Position: 20, At: 6, Contact: id(7), Streams: []string{}, Lifted: true},
		{ID: id(3), After: id(2), Again: id(1), Generation: 2, Position: 21, Contact: id(8), Subjects: []string{"raw/\"} x"}},
	}
	l := kept.List{Log: id(9), Secret: []byte("s")}
	folder := kept.Folder(f.TempDir())
	path := filepath.Join(string(folder), l.Log.String()+".erasures")
	if err := folder.Append(l, all...); err != nil {
		f.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	lines := strings.SplitAfter(string(written), "\n")
	for _, text := range []string{
		string(written), string(written[:len(written)-9]), lines[0], lines[0] + lines[2], lines[0] + lines[1][:40] + "\n" + lines[1],
		strings.Replace(string(written), "512", "513", 1), "duolog/other erasures 1\n", "", lines[0] + "{} 00\n",
	} {
		f.Add([]byte(text))
	}
	again := kept.Folder(f.TempDir())
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := folder.Erasures(l)
		if err != nil && !errors.Is(err, kept.ErrDamaged) && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range got {
			if !slices.ContainsFunc(all, func(o kept.Entry) bool { return equal(e, o) }) {
				t.Errorf("nobody wrote %+v", e)
			}
		}
		if err := os.WriteFile(filepath.Join(string(again), filepath.Base(path)), []byte(lines[0]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := again.Append(l, got...); err != nil {
			t.Fatal(err)
		}
		if back, err := again.Erasures(l); err != nil || !slices.EqualFunc(back, got, equal) {
			t.Errorf("%+v, written again, is read as %+v, %v", got, back, err)
		}
	})
}

func equal(a, b kept.Entry) bool {
	return same(a, b) && a.Again == b.Again && a.Lifted == b.Lifted && a.Generation == b.Generation && a.At == b.At &&
		a.Contact == b.Contact && slices.Equal(a.Streams, b.Streams) && slices.Equal(a.Subjects, b.Subjects)
}
