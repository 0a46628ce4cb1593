package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/contacts"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

// stranded leaves a command for Aloware in the outbox that cannot be sent, and returns it.
func (r *rig) stranded(hubspot, city string) ulid.ULID {
	r.t.Helper()
	r.aloware.Injector().Set(sandboxkit.Faults{FailRate: 1})
	r.must(r.hubspot.Edit(hubspot, map[string]string{"city": city}, "7"))
	var id ulid.ULID
	r.wait("a failing command", func(ctx context.Context) (bool, error) {
		rows, err := outbox.List(ctx, r.Store, "default", outbox.Filter{System: domain.Aloware})
		if len(rows) > 0 {
			id = rows[0].Command
		}
		return len(rows) > 0 && rows[0].Error != "", err
	})
	return id
}

// TestRetryAndDiscard: a command taken up again is planned from the present and never resent as it was; one given up
// leaves its field apart, visibly, until its source changes.
func TestRetryAndDiscard(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		id, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		r.settle()

		command := r.stranded(id, "Ockham")
		r.aloware.Injector().Set(sandboxkit.Faults{})
		if _, err := r.Retry(t.Context(), command, tester); err != nil {
			t.Fatal(err)
		}
		r.settle()
		_, a := r.twin(adaPhone)
		r.same("Aloware after retry", a.Properties, map[string]string{"cnam_city": "Ockham"})
		if _, err := r.Retry(t.Context(), command, tester); !errors.Is(err, httpapi.ErrNotFound) {
			t.Errorf("retry of a settled command: %v, want ErrNotFound", err)
		}

		command = r.stranded(id, "Paris")
		if _, err := r.Discard(t.Context(), command, tester); err != nil {
			t.Fatal(err)
		}
		r.aloware.Injector().Set(sandboxkit.Faults{})
		r.settle()
		_, a = r.twin(adaPhone)
		r.same("Aloware after discard", a.Properties, map[string]string{"cnam_city": "Ockham"})
		if got := r.field("hubspot:"+id, "city"); got == contacts.InStep || got == contacts.Pending {
			t.Errorf("a field given up is %s", got)
		}
		if n := len(r.outcomes(domain.ResultDiscarded)); n != 1 {
			t.Errorf("%d commands discarded, want 1", n)
		}
		r.must(r.hubspot.Edit(id, map[string]string{"city": "Rome"}, "7"))
		r.settle()
		_, a = r.twin(adaPhone)
		r.same("Aloware after another change", a.Properties, map[string]string{"cnam_city": "Rome"})
		r.agreed()
		r.verified()
	})
}

// field returns the state of one field of a record's contact.
func (r *rig) field(record, name string) string {
	r.t.Helper()
	for _, f := range r.contact(record).Fields {
		if f.Field == name {
			return f.State
		}
	}
	return ""
}
