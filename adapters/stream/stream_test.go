package stream_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/eventstore/eventstoretest/backends"
)

func open(t *testing.T, store eventstore.Store) eventstore.Log {
	t.Helper()
	log, err := store.Log(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func add(t *testing.T, log eventstore.Log, kinds ...string) {
	t.Helper()
	all := make([]eventstore.NewEvent, len(kinds))
	for i, kind := range kinds {
		all[i] = eventstore.NewEvent{
			ID: ulid.Make(), Stream: "connection", Type: kind, Schema: 1, Actor: "test", Subject: eventstore.SubjectLog, Data: []byte(`{}`),
		}
	}
	if _, err := log.Append(t.Context(), all...); err != nil {
		t.Fatal(err)
	}
}

func TestFilterSaysWhatIsAllowed(t *testing.T) {
	for _, tt := range []struct{ view, types, systems, says string }{
		{"net", "", "", "log, contacts"},
		{"", "record.moved", "", "record.merged"},
		{"", "record*", "", "with .*"},
		{"", "*", "", "with .*"},
		{"contacts", "record.updated", "", "contact.changed"},
		{"", "", "salesforce", "hubspot, aloware"},
	} {
		_, err := stream.NewFilter(tt.view, tt.types, "", tt.systems)
		if !errors.Is(err, stream.ErrFilter) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	f, err := stream.NewFilter("", " record.* ,,mode.changed", "phone, email", "aloware")
	if err != nil || len(f.Types) != 2 || len(f.Fields) != 2 || f.All() {
		t.Errorf("%+v: %v", f, err)
	}
}

// Whatever the pages, a filter lets the same events through, and where it says it has come to is where it goes on.
func TestPagesMakeNoDifference(t *testing.T) {
	log := open(t, backends.SQLite(t))
	kinds := []string{domain.SyncPaused, domain.SyncResumed, domain.ModeChanged}
	for i := range 40 {
		add(t, log, kinds[i%3], kinds[(i/2)%3])
	}
	rapid.Check(t, func(rt *rapid.T) {
		f := stream.Filter{Types: rapid.SliceOfNDistinct(rapid.SampledFrom(kinds), 0, 3, rapid.ID).Draw(rt, "types")}
		whole, err := f.Read(t.Context(), log, 0, 100)
		if err != nil {
			rt.Fatal(err)
		}
		var reader stream.Reader = log
		if rapid.Bool().Draw(rt, "ahead") {
			ahead := stream.NewAhead(log)
			defer ahead.Close()
			reader = ahead
		}
		var got []int64
		for at := int64(0); at < 80; {
			p, err := f.Read(t.Context(), reader, at, rapid.IntRange(1, 30).Draw(rt, "limit"))
			if err != nil || p.Through <= at {
				rt.Fatalf("after %d through %d: %v", at, p.Through, err)
			}
			for _, e := range p.Events {
				got = append(got, e.Position)
			}
			at = p.Through
		}
		var want []int64
		for _, e := range whole.Events {
			want = append(want, e.Position)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Fatalf("in pages %v, at once %v", got, want)
		}
	})
}

// All who follow see every event once and in order, whenever they come and go; each event is written once for all.
func TestTailHasEveryEventForEveryFollower(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := open(t, store)
		tail := stream.NewTail(log)
		enc := cloudevent.New("default", eventstore.Head{Generation: 1}, cloudevent.IDs)
		const total = 300
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var followers sync.WaitGroup
		for range 8 {
			followers.Go(func() {
				f := tail.Follow(nil)
				defer f.End()
				for at := int64(0); at < total; {
					entries, known := tail.Recent(at, 50)
					if !known {
						events, err := tail.Read(ctx, at, 50)
						if err != nil {
							t.Error(err)
							return
						}
						for _, e := range events {
							entries = append(entries, &stream.Entry{Event: e})
						}
					}
					for _, e := range entries {
						if e.Position != at+1 || len(e.Frame(enc, cloudevent.IDs)) == 0 {
							t.Errorf("after %d comes %d", at, e.Position)
							return
						}
						at = e.Position
					}
					if len(entries) > 0 {
						continue
					}
					select {
					case <-f.C:
					case <-ctx.Done():
						t.Errorf("it ends at %d", at)
						return
					}
				}
			})
		}
		for i := range total / 3 {
			add(t, log, domain.SyncPaused, domain.SyncResumed, map[bool]string{true: "subject.erased", false: domain.ModeChanged}[i%10 == 0])
		}
		followers.Wait()
	})
}

// After an erasure nothing from before it comes from memory: it is read from the log again, where it is gone.
func TestTailForgetsWhatWasBeforeAnErasure(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := open(t, store)
		tail := stream.NewTail(log)
		f := tail.Follow(nil)
		defer f.End()
		holds := func(after int64, want bool) {
			t.Helper()
			for until := time.Now().Add(2 * time.Minute); ; {
				entries, known := tail.Recent(after, 10)
				if known && len(entries) > 0 == want || !want && !known {
					return
				}
				select {
				case <-f.C:
				case <-time.After(time.Until(until)):
					t.Fatalf("after %d: %d events, known %v, want some: %v", after, len(entries), known, want)
				}
			}
		}
		add(t, log, domain.SyncPaused) // what was there before somebody followed is not held
		for at := int64(1); ; at++ {
			add(t, log, domain.SyncPaused)
			if _, known := tail.Recent(at, 1); known {
				holds(at, true)
				add(t, log, "subject.erased")
				holds(at+1, true)
				if _, known := tail.Recent(at-1, 10); known {
					t.Error("what was before the erasure is still in memory")
				}
				return
			}
		}
	})
}

// heard tells when a page was read.
type heard struct {
	eventstore.Log
	read chan int64
}

func (h heard) Read(ctx context.Context, after int64, limit int) ([]eventstore.Event, error) {
	events, err := h.Log.Read(ctx, after, limit)
	h.read <- after
	return events, err
}

// What was read ahead before an erasure is read again, and shows nothing of who was erased.
func TestAheadForgetsWhatWasBeforeAnErasure(t *testing.T) {
	backends.Each(t, func(t *testing.T, store eventstore.Store) {
		log := heard{open(t, store), make(chan int64, 10)}
		for _, record := range []string{"hubspot/contact/1", "hubspot/contact/2"} {
			_, err := log.Append(t.Context(), eventstore.NewEvent{
				ID: ulid.Make(), Stream: record, Type: domain.RecordUpdated, Schema: 1, Actor: "test", Subject: record,
				Data: []byte(`{"properties":{"city":"SECRET"}}`),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		ahead := stream.NewAhead(log)
		defer ahead.Close()
		if _, err := ahead.Read(t.Context(), 0, 1); err != nil {
			t.Fatal(err)
		}
		for <-log.read != 1 { // until it was read ahead
		}
		err := store.InTx(t.Context(), func(tx eventstore.Tx) error {
			_, err := tx.Erase(t.Context(), log.Log, []string{"hubspot/contact/2"}, eventstore.NewEvent{
				ID: ulid.Make(), Stream: "privacy", Type: domain.SubjectErased, Schema: 1, Actor: "test",
				Subject: eventstore.SubjectLog, Data: []byte(`{}`),
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		events, err := ahead.Read(t.Context(), 1, 1)
		if err != nil || len(events) != 1 || !events[0].Erased || len(events[0].Data) > 0 {
			t.Errorf("after the erasure: %+v, %v", events, err)
		}
	})
}
