package scratch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"
)

const email = "ada.lovelace@example.com"

func open(t testing.TB, memory int) *Store {
	t.Helper()
	s, err := New(Config{Dir: t.TempDir(), Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestStore: whatever is put, taken and put anew, in memory alone or on disk as well, a store holds what a map does.
func TestStore(t *testing.T) {
	t.Parallel()
	for _, memory := range []int{1, 40 << 10, 0} {
		t.Run(fmt.Sprintf("memory %d", memory), func(t *testing.T) {
			t.Parallel()
			written, moved := false, false
			rapid.Check(t, func(r *rapid.T) {
				s := open(t, memory)
				s.file.spare = 16 << 10
				act(r, s)
				written = written || s.file.disk != nil
				moved = moved || s.file.moves > 0
			})
			if disk := memory > 0; written != disk || moved != disk {
				t.Errorf("on disk %v, moved up there %v", written, moved)
			}
		})
	}
}

// act does at random what can be done, and compares with a map.
func act(r *rapid.T, s *Store) {
	want := map[string]string{}
	key := rapid.Custom(func(r *rapid.T) string {
		return rapid.SampledFrom([]string{"r", "c"}).Draw(r, "kind") + fmt.Sprint(rapid.IntRange(0, 60).Draw(r, "key"))
	})
	for range rapid.IntRange(1, 400).Draw(r, "acts") {
		k := key.Draw(r, "key")
		switch rapid.IntRange(0, 5).Draw(r, "act") {
		case 0, 1, 2:
			size := rapid.SampledFrom([]int{0, 1, 60, 300, 900, 3000, 9000}).Draw(r, "size")
			want[k] = strings.Repeat(string(rune('a'+size%7)), size)
			if err := s.Put([]byte(k), []byte(want[k])); err != nil {
				r.Fatal(err)
			}
		case 3:
			same(r, s.Take, k, want)
			delete(want, k)
		case 4:
			same(r, s.Get, k, want)
		case 5:
			rewrite(r, s, k[0], want)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		same(r, s.Get, k, want)
	}
	if s.Len() != len(want) {
		r.Fatalf("%d values, want %d", s.Len(), len(want))
	}
}

func same(r *rapid.T, get func([]byte) ([]byte, error), key string, want map[string]string) {
	got, err := get([]byte(key))
	if w, ok := want[key]; err != nil || ok != (got != nil) || string(got) != w {
		r.Fatalf("%s: %d bytes, %v, want %d, %v", key, len(got), err, len(w), ok)
	}
}

// rewrite takes every value of a kind and puts it back.
func rewrite(r *rapid.T, s *Store, kind byte, want map[string]string) {
	seen := map[string]bool{}
	for key, err := range s.Keys(kind) {
		if err != nil || seen[string(key)] || key[0] != kind {
			r.Fatalf("%q: %v, seen %v", key, err, seen[string(key)])
		}
		seen[string(key)] = true
		value, err := s.Take(key)
		if err == nil {
			err = s.Put(key, value)
		}
		if err != nil {
			r.Fatal(err)
		}
	}
	for k := range want {
		if k[0] == kind && !seen[k] {
			r.Fatalf("%s was left out of %v", k, seen)
		}
	}
}

// fill puts so many values of a person each.
func fill(s *Store, n int) error {
	for i := range n {
		if err := s.Put(fmt.Appendf(nil, "r%d", i), []byte(strings.Repeat(email+" ", 20))); err != nil {
			return err
		}
	}
	return nil
}

// TestNothingReadable: the file has no name anybody could open, shows nobody's email, and is gone with the store.
func TestNothingReadable(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	if err := fill(s, 200); err != nil {
		t.Fatal(err)
	}
	onDisk, err := io.ReadAll(io.NewSectionReader(s.file.disk, 0, s.file.end))
	if err != nil || len(onDisk) < 50_000 {
		t.Fatalf("%d bytes, %v", len(onDisk), err)
	}
	for _, part := range []string{email, "lovelace", "r150"} {
		if bytes.Contains(onDisk, []byte(part)) {
			t.Errorf("%q can be read", part)
		}
	}
	if left := names(t, s.file.dir); len(left) > 0 && s.file.name == "" {
		t.Errorf("in use, but named %v", left)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := names(t, s.file.dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// broken is a disk with a fault.
type broken struct {
	disk
	room    int64 // bytes it takes
	altered bool
}

func (b *broken) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.room {
		return 0, syscall.ENOSPC
	}
	return b.disk.WriteAt(p, off)
}

func (b *broken) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.disk.ReadAt(p, off)
	if b.altered && n > fileHead {
		p[fileHead] ^= 1
	}
	return n, err
}

// TestFullDisk: a full disk is an error that says what to do, and the last word: never is a value missing.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	if err := fill(s, 100); err != nil {
		t.Fatal(err)
	}
	s.file.disk = &broken{disk: s.file.disk, room: s.file.end}
	err := fill(s, 200)
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "make room there") || !strings.Contains(err.Error(), s.file.dir) {
		t.Errorf("full: %v", err)
	}
	for _, do := range []func() error{
		func() error { _, err := s.Get([]byte("r1")); return err },
		func() error { return s.Put([]byte("r1"), nil) },
		func() error {
			for _, err := range s.Keys('r') {
				return err
			}
			return nil
		},
	} {
		if again := do(); !errors.Is(again, err) {
			t.Errorf("full, and asked again: %v", again)
		}
	}
}

func TestAlteredDisk(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	if err := fill(s, 100); err != nil {
		t.Fatal(err)
	}
	s.file.disk = &broken{disk: s.file.disk, altered: true}
	if value, err := s.Get([]byte("r1")); !errors.Is(err, errAltered) || value != nil {
		t.Errorf("%q, %v", value, err)
	}
}

// TestNoFolder: where no file can be made, that is said once one is needed.
func TestNoFolder(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Dir: t.TempDir() + "/none", Memory: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := fill(s, 2); err != nil {
		t.Errorf("in memory: %v", err)
	}
	if err := fill(s, 200); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("on disk: %v", err)
	}
	if _, err := New(Config{Memory: -1}); err == nil {
		t.Error("less than no memory was taken")
	}
}

// TestIndexIsSmall: what is kept in memory of a value on disk is a dozen bytes.
func TestIndexIsSmall(t *testing.T) {
	t.Parallel()
	s := open(t, 1)
	const n = 50_000
	for i := range n {
		s.index.add(s.hash(fmt.Appendf(nil, "r%d", i)), place(i+1))
	}
	if per := float64(s.index.bytes()) / n; per > 12 {
		t.Errorf("%.1f bytes a value", per)
	}
}
