package engine

import (
	"errors"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/eventstore"
)

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := newCache[int, int](10)
	c.put(0, 100)
	for i := 1; i <= 100; i++ {
		c.put(i, i)
		if v, ok := c.get(0); !ok || v != 100 {
			t.Fatalf("entry 0, used each time, is gone after %d more", i)
		}
		if n := len(c.young) + len(c.aged); n > 15 {
			t.Fatalf("%d entries in a cache of 10", n)
		}
	}
	if _, ok := c.get(50); ok {
		t.Error("entry 50 is still there")
	}
	c.remove(0)
	if _, ok := c.get(0); ok {
		t.Error("entry 0 is there after its removal")
	}
	c.clear()
	if _, ok := c.get(100); ok {
		t.Error("entry 100 is there after clearing")
	}
}

func TestCacheLosesNothingBeforeItIsFull(t *testing.T) {
	c := newCache[int, int](10)
	for i := range 10 {
		c.put(i, i)
	}
	for range 3 {
		for i := range 10 {
			if _, ok := c.get(i); !ok {
				t.Fatalf("entry %d of 10 is gone", i)
			}
		}
	}
}

func TestAnswerTellsRedeliveryFromMisuse(t *testing.T) {
	first := ulid.Make()
	s := stored{Appended: eventstore.Appended{Position: 7, ID: first, RecordedAt: 9}, hash: [32]byte{1}}
	row := func(id ulid.ULID, hash byte) *Row {
		r := &Row{Event: &eventstore.NewEvent{ID: id}}
		r.Hash = [32]byte{hash}
		return r
	}
	want := eventstore.Appended{Position: 7, ID: first, RecordedAt: 9, Duplicate: true}
	for name, r := range map[string]*Row{"same event": row(first, 1), "translated anew": row(ulid.Make(), 2)} {
		if got, err := s.answer(r); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := s.answer(row(first, 2)); !errors.Is(err, eventstore.ErrDedupeMismatch) {
		t.Errorf("other content: %v", err)
	}
}

func TestTakeCutsBatches(t *testing.T) {
	l := &Log{workers: 1}
	add := func(events, size int) *call {
		c := &call{ctx: t.Context(), events: make([]eventstore.NewEvent, events), size: size}
		l.queue = append(l.queue, c)
		l.queued += events
		return c
	}
	add(600, 1)
	add(400, 1)
	add(1, 1)
	add(2500, 1) // alone, for a call is never split
	add(1, maxBatchBytes)
	add(1, 1)
	for i, want := range []int{2, 1, 1, 1, 1} {
		if batch, more := l.take(); !more || len(batch) != want {
			t.Fatalf("batch %d has %d calls, want %d", i, len(batch), want)
		}
	}
	if _, more := l.take(); more || l.workers != 0 || l.queued != 0 {
		t.Fatalf("the worker goes on: %d workers, %d queued", l.workers, l.queued)
	}
}

func TestBellWakesAllWhoListen(t *testing.T) {
	var b bell
	one, two := b.heard(), b.heard()
	b.ring()
	<-one
	<-two
	select {
	case <-b.heard():
		t.Error("rings for one who came later")
	default:
	}
}
