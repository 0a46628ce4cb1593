package app_test

import (
	"context"
	"errors"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
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

// TestOrphanedCommands: a command that was decided and whose row was lost is shown as such, stays until a person says so,
// and is then planned again from the present or given up; nothing else counts as one, not after an erasure either.
func TestOrphanedCommands(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, database string) {
		r := start(t, plan{database: database})
		id, err := r.hubspot.Create(adaHubSpot, "7")
		r.must(err)
		_, err = r.aloware.Create(graceAloware, "user")
		r.must(err)
		r.settle()
		r.orphaned()
		for _, settle := range []struct{ verb, city, want, state string }{
			{"retry", "Ockham", "Ockham", contacts.InStep}, {"discard", "Paris", "Ockham", contacts.Failing},
		} {
			command := r.stranded(id, settle.city)
			r.must(r.Store.InTx(t.Context(), func(tx eventstore.Tx) error {
				_, err := tx.Exec(t.Context(), "DELETE FROM outbox WHERE connection = $1 AND command = $2", "default", command.String())
				return err
			}))
			r.aloware.Injector().Set(sandboxkit.Faults{})
			r.settle()
			r.orphaned(command)
			if got := r.field("hubspot:"+id, "city"); got != contacts.Pending {
				t.Errorf("%s: the field of an orphaned command is %s", settle.verb, got)
			}
			r.told("commands/"+command.String()+"/"+settle.verb, map[string]any{"reason": "its row was lost"})
			r.settle()
			r.orphaned()
			_, a := r.twin(adaPhone)
			r.same("Aloware after "+settle.verb, a.Properties, map[string]string{"cnam_city": settle.want})
			if got := r.field("hubspot:"+id, "city"); got != settle.state {
				t.Errorf("after %s the field is %s, want %s", settle.verb, got, settle.state)
			}
			if _, err := r.Retry(t.Context(), command, tester); !errors.Is(err, httpapi.ErrNotFound) {
				t.Errorf("a second %s: %v, want ErrNotFound", settle.verb, err)
			}
		}
		_, err = r.Erase(t.Context(), r.contact("hubspot:"+id).ID, httpapi.Erasing{}, tester)
		r.must(err)
		r.settle()
		r.orphaned()
		r.verified()
	})
}

// orphaned fails unless just these commands are listed as orphaned over HTTP, and none of them as waiting.
func (r *rig) orphaned(want ...ulid.ULID) {
	r.t.Helper()
	var got []string
	for _, c := range asked[httpapi.CommandList](r, "commands?orphaned=true&system=aloware").Commands {
		if got = append(got, c.ID); c.State != outbox.Orphaned || c.Kind != domain.KindUpdate || c.Record == "" || c.Created.IsZero() || c.Next != nil {
			r.t.Errorf("an orphaned command: %+v", c)
		}
	}
	all, err := r.Orphaned(r.t.Context())
	r.must(err)
	if len(got) != len(want) || len(all) != len(want) || len(want) > 0 && got[0] != want[0].String() {
		r.t.Errorf("orphaned: %v of %+v, want %v", got, all, want)
	}
	if waiting := asked[httpapi.CommandList](r, "commands").Commands; len(waiting) > 0 {
		r.t.Errorf("waiting: %+v", waiting)
	}
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
