package aloware_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware/sandbox"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
)

// TestOneEffectiveWriteUnderFaults repeats creates and updates, many at a time, until each is settled while a third of
// all requests fail, before or after the commit. However often a write is repeated, it takes effect once.
func TestOneEffectiveWriteUnderFaults(t *testing.T) {
	const people = 40
	a := open(t, sandbox.Config{Faults: sandboxkit.Faults{Seed: 7, FailRate: 0.2, FailAfterCommitRate: 0.2}})
	creates := make([]adapters.Write, people)
	for i := range creates {
		creates[i] = adapters.Write{
			Create: true, Phone: fmt.Sprintf("+1415555%04d", i),
			Values: values{"first_name": raw(t, fmt.Sprintf("Ann %d", i))},
		}
	}
	updates := make([]adapters.Write, people)
	for i, got := range a.settle(t, creates) {
		updates[i] = adapters.Write{Record: got.Record, Phone: creates[i].Phone, Values: values{"city": raw(t, "Elko")}}
	}
	for i, got := range a.settle(t, updates) {
		if got.Err != nil || got.Record != updates[i].Record {
			t.Fatalf("update %d: %+v", i, got)
		}
	}
	all := a.All()
	if len(all) != people {
		t.Fatalf("%d contacts for %d people", len(all), people)
	}
	for _, c := range all {
		if c.Notifications != 2 || c.Properties["cnam_city"] != "Elko" {
			t.Errorf("%s: %d effective writes, want 2", c.ID, c.Notifications)
		}
	}
}

// settle repeats what is in doubt. A create that finds its contact there is settled: its caller links it.
func (a account) settle(t *testing.T, writes []adapters.Write) []adapters.WriteAnswer {
	t.Helper()
	out := make([]adapters.WriteAnswer, len(writes))
	open := make([]int, len(writes))
	for i := range open {
		open[i] = i
	}
	for round := 0; len(open) > 0; round++ {
		if round > 100 {
			t.Fatalf("%d writes never settle", len(open))
		}
		batch := make([]adapters.Write, len(open))
		for k, i := range open {
			batch[k] = writes[i]
		}
		var again []int
		for k, got := range a.Write(t.Context(), batch) {
			var e *adapters.Error
			if errors.As(got.Err, &e) && e.Class == adapters.Retry {
				again = append(again, open[k])
				continue
			}
			if e != nil && e.Reason != domain.ReasonExists {
				t.Fatalf("write %d: %v", open[k], e)
			}
			out[open[k]] = got
		}
		open = again
	}
	return out
}
