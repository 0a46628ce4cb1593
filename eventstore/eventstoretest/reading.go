package eventstoretest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/duolog/duolog/eventstore"
)

var readingTests = map[string]func(*testing.T, *fixture){
	"Pages":      testReadPages,
	"Streams":    testReadStreams,
	"Get":        testGet,
	"Head":       testHead,
	"LogsByName": testLogsByName,
}

func testReadPages(t *testing.T, f *fixture) {
	_, log := f.log(t)
	mustAppend(t, log, events("hubspot/contact/1", 25)...)
	wantPositions(t, mustRead(t, log, 0, 3), 1, 2, 3)
	wantPositions(t, mustRead(t, log, 3, 3), 4, 5, 6)
	wantPositions(t, mustRead(t, log, 23, 3), 24, 25)
	wantPositions(t, mustRead(t, log, 25, 3))
	wantPositions(t, mustRead(t, log, 99, 3))
	wantPositions(t, mustRead(t, log, 0, 0))
}

func testReadStreams(t *testing.T, f *fixture) {
	store, log := f.log(t)
	mustAppend(t, logOf(t, store, "other"), events("hubspot/contact/1", 3)...)
	for i := range 12 {
		mustAppend(t, log, event(fmt.Sprintf("hubspot/contact/%d", i%3+1)))
	}
	for _, c := range []struct {
		stream string
		after  int64
		limit  int
		want   []int64
	}{
		{"hubspot/contact/1", 0, 10, []int64{1, 4, 7, 10}},
		{"hubspot/contact/1", 4, 10, []int64{7, 10}},
		{"hubspot/contact/3", 3, 2, []int64{6, 9}},
		{"hubspot/contact/3", 12, 2, nil},
		{"hubspot/contact/", 0, 10, nil},
		{"nobody", 0, 10, nil},
	} {
		got, err := log.ReadStream(t.Context(), c.stream, c.after, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		wantPositions(t, got, c.want...)
		for _, e := range got {
			if e.Stream != c.stream {
				t.Errorf("position %d is of stream %s", e.Position, e.Stream)
			}
		}
	}
}

func testGet(t *testing.T, f *fixture) {
	_, log := f.log(t)
	const n = 2500
	for range n / 500 {
		mustAppend(t, log, events("hubspot/contact/1", 500)...)
	}
	get := func(positions ...int64) []eventstore.Event {
		got, err := log.Get(t.Context(), positions...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	wantPositions(t, get(9, 3, 9, n+1, 0, -1, 5), 3, 5, 9)
	wantPositions(t, get())
	all := make([]int64, n)
	for i := range all {
		all[i] = int64(i) + 1
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	wantPositions(t, get(backwards...), all...)
}

func testHead(t *testing.T, f *fixture) {
	_, log := f.log(t)
	empty := mustHead(t, log)
	if empty.Position != 0 || empty.Generation != 1 || empty.LogID.IsZero() {
		t.Errorf("the head of an empty log is %+v", empty)
	}
	mustAppend(t, log, events("hubspot/contact/1", 3)...)
	_, again := f.log(t)
	head := mustHead(t, again)
	if head.Position != 3 || head.LogID != empty.LogID || head.Generation != 1 || head.KeyEpoch != empty.KeyEpoch {
		t.Errorf("the head is %+v, of the empty log %+v", head, empty)
	}
}

// Each connection has one log, whoever opens it first; a name that could not stand in a topic is refused.
func testLogsByName(t *testing.T, f *fixture) {
	store, other := f.open(t), f.open(t)
	if names, err := store.Connections(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("a new database has the connections %v, error %v", names, err)
	}
	heads := make(chan eventstore.Head)
	for _, s := range []eventstore.Store{store, other} {
		for range 4 {
			go func() {
				log, err := s.Log(t.Context(), connection)
				if err != nil {
					t.Errorf("open log: %v", err)
					heads <- eventstore.Head{}
					return
				}
				head, err := log.Head(t.Context())
				if err != nil {
					t.Errorf("head: %v", err)
				}
				heads <- head
			}()
		}
	}
	first := <-heads
	for range 7 {
		if h := <-heads; h != first {
			t.Errorf("two heads: %+v and %+v", h, first)
		}
	}
	if log := logOf(t, store, connection); log.Connection() != connection {
		t.Errorf("the log is called %q", log.Connection())
	}
	for _, bad := range []string{"", "a b", "a/b", "a\x00", "ä"} {
		_, err := store.Log(t.Context(), bad)
		wantError(t, fmt.Sprintf("connection %q", bad), err, eventstore.ErrInvalid)
	}
}
