package dispatch_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/dispatch"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

func (e *env) read(id string) outbox.Row {
	row := e.update(id)
	row.Kind, row.Payload = domain.KindRead, outbox.Payload{By: "id", Value: id, Properties: []string{"email"}}
	return row
}

func (e *env) lookup(by, value string) outbox.Row {
	row := e.update("9")
	row.Kind, row.Record = domain.KindLookup, domain.Record{}
	row.Payload = outbox.Payload{By: by, Value: value}
	return row
}

// answered is a fact with its envelope.
type answered struct {
	event
	domain.Fact
}

func (e *env) facts() map[string]answered {
	e.Helper()
	found := map[string]answered{}
	for _, ev := range e.events() {
		a := answered{event: ev}
		if err := json.Unmarshal(ev.Data, &a.Fact); err != nil {
			e.Fatalf("fact at %d: %v", ev.Position, err)
		}
		found[ev.Type+" "+ev.Stream] = a
	}
	return found
}

func (e *env) ask(rows ...outbox.Row) map[string]answered {
	e.Helper()
	e.put(rows...)
	e.run(func(*dispatch.Dispatcher) { e.settled(rows...) })
	return e.facts()
}

func snapshot(id string) adapters.Snapshot {
	return adapters.Snapshot{
		Record: record(id), Properties: domain.Properties{"email": json.RawMessage(`"a@example.com"`)}, Clock: 42,
	}
}

func TestReadsBecomeFacts(t *testing.T) {
	each(t, func(e *env) {
		e.system.read = func(_ context.Context, _ int, r adapters.ReadRequest) adapters.ReadAnswer {
			s := snapshot(r.Value)
			switch r.Value {
			case "gone":
				return adapters.ReadAnswer{}
			case "binned":
				s.Deleted = true
			case "merged":
				s.Record = record("survivor")
			}
			return adapters.ReadAnswer{Records: []adapters.Snapshot{s}}
		}
		here := e.read("here")
		got := e.ask(here, e.read("gone"), e.read("binned"), e.read("merged"))
		f := got["record.observed hubspot/contact/here"]
		if f.Answer == nil || f.Answer.Command != here.Command || f.Answer.By != "id" || !f.Complete || f.Via != "read" ||
			f.Fact.Clock != 42 || len(f.Answer.Found) != 1 || f.OccurredAt != 42 || f.Subject != f.Stream {
			e.Errorf("observed: %+v", f)
		}
		if f := got["record.absent hubspot/contact/gone"]; f.Answer == nil || len(f.Answer.Found) > 0 || f.Fact.Clock == 0 {
			e.Errorf("absent: %+v", f)
		}
		if f := got["record.deleted hubspot/contact/binned"]; f.Answer == nil {
			e.Errorf("deleted: %+v", f)
		}
		if f := got["record.observed hubspot/contact/survivor"]; len(f.Merged) != 1 || f.Merged[0] != record("merged") {
			e.Errorf("merged: %+v", f)
		}
		if len(got) != 4 || e.system.calls() != 1 {
			e.Errorf("%d facts by %d calls", len(got), e.system.calls())
		}
	})
}

// A record asked for by phone that answers with another record was not merged: somebody else holds the phone.
func TestReadByPhoneClaimsNoMerge(t *testing.T) {
	each(t, func(e *env) {
		e.system.read = func(_ context.Context, _ int, r adapters.ReadRequest) adapters.ReadAnswer {
			if r.Phone != "+4930123456" || r.By != "id" {
				e.Errorf("request by %q", r.By)
			}
			return adapters.ReadAnswer{Records: []adapters.Snapshot{snapshot("other")}}
		}
		row := e.read("asked")
		row.Payload.Phone = "+4930123456"
		if f := e.ask(row)["record.observed hubspot/contact/other"]; f.Answer == nil || len(f.Merged) > 0 {
			e.Errorf("fact %+v", f)
		}
	})
}

func TestLookups(t *testing.T) {
	each(t, func(e *env) {
		e.system.read = func(_ context.Context, _ int, r adapters.ReadRequest) adapters.ReadAnswer {
			switch r.By {
			case "email":
				return adapters.ReadAnswer{Records: []adapters.Snapshot{snapshot("1"), snapshot("2"), snapshot("1")}}
			case "phone":
				return adapters.ReadAnswer{Err: adapters.ErrUnsupported}
			}
			return adapters.ReadAnswer{}
		}
		email, phone, none := e.lookup("email", "a@example.com"), e.lookup("phone", "+1"), e.lookup("key", "k")
		e.put(email, phone, none)
		e.run(func(*dispatch.Dispatcher) { e.settled(email, phone, none) })
		got := e.facts()
		for _, id := range []string{"1", "2"} {
			f := got["record.observed hubspot/contact/"+id]
			if f.Answer == nil || len(f.Answer.Found) != 2 || f.Answer.Contact != email.Contact || f.Via != "lookup" {
				e.Errorf("found %s: %+v", id, f)
			}
		}
		if f := got["record.absent aloware/contact/a9"]; f.Answer == nil || f.Answer.Command != none.Command {
			e.Errorf("none found: %+v", f)
		}
		if o := e.outcomes()[phone.Command]; o.Result != domain.ResultRejected || o.Reason != domain.ReasonImpossible {
			e.Errorf("unsupported: %+v", o)
		}
	})
}

func TestReadIsRetried(t *testing.T) {
	each(t, func(e *env) {
		e.system.read = func(_ context.Context, n int, r adapters.ReadRequest) adapters.ReadAnswer {
			if n < 3 {
				return adapters.ReadAnswer{Err: &adapters.Error{Class: adapters.Retry, Status: 500}}
			}
			return adapters.ReadAnswer{Records: []adapters.Snapshot{snapshot(r.Value)}}
		}
		if got := e.ask(e.read("1")); len(got) != 1 || e.system.calls() != 3 {
			e.Errorf("%d facts after %d calls", len(got), e.system.calls())
		}
	})
}
