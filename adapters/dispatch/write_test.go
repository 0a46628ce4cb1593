package dispatch_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/dispatch"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/projections/outbound/outbox"
)

func TestAppliedWriteBecomesOneOutcome(t *testing.T) {
	each(t, func(e *env) {
		row := e.update("1", "firstname", "Ann")
		got := e.check(row)[row.Command]
		if got.Result != domain.ResultApplied || got.Record != row.Record || got.Contact != row.Contact ||
			string(got.Sent["firstname"]) != `"Ann"` || string(got.Shows["firstname"]) != `"Ann"` || !got.Complete {
			e.Errorf("outcome %+v", got)
		}
		if got.Attempts != 1 || got.Attempt.IsZero() || got.Clock != 1 || got.Kind != domain.KindUpdate {
			e.Errorf("attempt in outcome %+v", got)
		}
		ev := e.events()[0]
		if ev.Stream != row.Record.Stream() || ev.Subject != ev.Stream || ev.Causation != row.Input || ev.Actor != "duolog" {
			e.Errorf("envelope %+v", ev)
		}
		if c := e.counts(); c.Applied != 1 || c.Sent != 1 || c.Calls != 1 || c.Batches != 1 {
			e.Errorf("counts %+v", c)
		}
	})
}

func TestCreateLiesOnTheNewRecordsStream(t *testing.T) {
	each(t, func(e *env) {
		row := e.update("", "email", "a@example.com")
		row.Kind, row.Record = domain.KindCreate, domain.Record{}
		got := e.check(row)[row.Command]
		if got.Result != domain.ResultApplied || !got.Created || got.Record.IsZero() {
			e.Errorf("outcome %+v", got)
		}
		if stream := e.events()[0].Stream; stream != got.Record.Stream() {
			e.Errorf("stream %s, want the new record's %s", stream, got.Record.Stream())
		}
		if w := e.system.sent()[0]; !w.Create || w.Contact != row.Contact {
			e.Errorf("write %+v", w)
		}
	})
}

func TestRejections(t *testing.T) {
	each(t, func(e *env) {
		exists := e.update("", "email", "a@example.com")
		exists.Kind, exists.Record = domain.KindCreate, domain.Record{}
		invalid := e.update("2", "email", "no", "firstname", "Bo")
		partly := e.update("3", "email", "no", "firstname", "Cy")
		none := e.update("4", "email", "no")
		e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			bad := map[string]string{"email": "not an address"}
			switch w.Command {
			case exists.Command:
				return adapters.WriteAnswer{Created: true, Err: &adapters.Error{
					Class: adapters.Rejected, Reason: domain.ReasonExists, Existing: record("77"), Detail: "conflict",
				}}
			case invalid.Command:
				return adapters.WriteAnswer{Err: &adapters.Error{
					Class: adapters.Rejected, Reason: domain.ReasonInvalid, Refused: bad,
				}}
			}
			a := applied(w)
			a.Refused = bad
			return a
		}
		got := e.check(exists, invalid, partly, none)
		if o := got[exists.Command]; o.Result != domain.ResultRejected || o.Existing != record("77") ||
			o.Reason != domain.ReasonExists || !o.Record.IsZero() || len(o.Sent) > 0 || !o.Created {
			e.Errorf("exists: %+v", o)
		}
		onSource := func(ev event) bool { return ev.Stream == exists.Source.Stream() }
		if !slices.ContainsFunc(e.events(), onSource) {
			e.Error("an outcome without a target does not lie on the source's stream")
		}
		if o := got[invalid.Command]; o.Result != domain.ResultRejected || o.Refused["email"] == "" {
			e.Errorf("invalid: %+v", o)
		}
		if o := got[partly.Command]; o.Result != domain.ResultPartly || len(o.Sent) != 1 || o.Refused["email"] == "" {
			e.Errorf("partly: %+v", o)
		}
		if o := got[none.Command]; o.Result != domain.ResultRejected || len(o.Sent) != 0 {
			e.Errorf("all refused: %+v", o)
		}
	})
}

// D1{first}, D2{last}, D3{first}: one request, three outcomes, the later command wins per property.
func TestCoalescing(t *testing.T) {
	each(t, func(e *env) {
		first := e.update("1", "firstname", "Ann")
		last := e.update("1", "lastname", "Lee", "city", "Ulm")
		again := e.update("1", "firstname", "Anna", "city", "Bonn")
		other := e.update("2", "firstname", "Bo")
		got := e.check(again, other, last, first)
		sent := e.system.sent()
		if got := sent[0].Expects["firstname"]; string(got.Value) != `"was firstname before Ann"` {
			e.Errorf("%s must be there for the lane's write to go over it; want what its first command expects", got.Value)
		}
		if len(sent) != 2 {
			e.Fatalf("%d writes, want 2: %+v", len(sent), sent)
		}
		want := map[string]string{"firstname": `"Anna"`, "lastname": `"Lee"`, "city": `"Bonn"`}
		for property, value := range want {
			if string(sent[0].Values[property]) != value {
				e.Errorf("%s sent as %s, want %s", property, sent[0].Values[property], value)
			}
		}
		if o := got[first.Command]; o.Result != domain.ResultSuperseded || o.By != again.Command || len(o.Shows) > 0 {
			e.Errorf("first: %+v", o)
		}
		if o := got[last.Command]; o.Result != domain.ResultApplied || len(o.Sent) != 1 || o.Sent["lastname"] == nil {
			e.Errorf("last: %+v", o)
		}
		if o := got[again.Command]; o.Result != domain.ResultApplied || len(o.Sent) != 2 {
			e.Errorf("again: %+v", o)
		}
		attempt := got[again.Command].Attempt
		if got[first.Command].Attempt != attempt || got[other.Command].Attempt == attempt {
			e.Error("an attempt is shared by the commands of a request, and by no others")
		}
	})
}

// What a request shows of a property is told by the command that wrote it: from another's outcome the planner would take
// it for a change by a person.
func TestCoalescedOutcomesTellTheirOwn(t *testing.T) {
	each(t, func(e *env) {
		e.system.write = func(_ context.Context, _ int, w adapters.Write) adapters.WriteAnswer {
			a := applied(w)
			a.Complete, a.Shows = false, maps.Clone(a.Shows)
			a.Shows["hs_lastmodified"] = json.RawMessage(`"now"`)
			return a
		}
		last, city := e.update("1", "lastname", "Lee"), e.update("1", "city", "Bonn")
		got := e.check(city, last)
		for row, want := range map[ulid.ULID]string{last.Command: "lastname", city.Command: "city"} {
			shows := slices.Sorted(maps.Keys(got[row].Shows))
			if both := slices.Sorted(slices.Values([]string{want, "hs_lastmodified"})); !slices.Equal(shows, both) {
				e.Errorf("the outcome of %s shows %v, want %v", want, shows, both)
			}
		}
	})
}

// Under load, with a retry now and then, each record sees its commands in the order they were decided, one at a time,
// and each command has one outcome.
func TestLaneOrderUnderConcurrency(t *testing.T) {
	each(t, func(e *env) {
		e.config.Batch, e.config.InFlight = 3, 8
		const records, rounds = 12, 6
		shown := map[domain.Record]map[string]string{}
		var total []outbox.Row
		lock := make(chan struct{}, 1)
		e.system.write = func(_ context.Context, n int, w adapters.Write) adapters.WriteAnswer {
			lock <- struct{}{}
			defer func() { <-lock }()
			if n%5 == 0 {
				return adapters.WriteAnswer{Err: &adapters.Error{Class: adapters.Retry, Status: 500, Detail: "try again"}}
			}
			if shown[w.Record] == nil {
				shown[w.Record] = map[string]string{}
			}
			for property, value := range w.Values {
				shown[w.Record][property] = string(value)
			}
			return applied(w)
		}
		e.run(func(d *dispatch.Dispatcher) {
			for round := range rounds {
				var rows []outbox.Row
				for n := range records {
					id := string(rune('a' + n))
					step := string(rune('0' + round))
					rows = append(rows, e.update(id, "step", step, "round-"+step, "x"))
				}
				e.put(rows...)
				d.Wake()
				total = append(total, rows...)
			}
			e.settled(total...)
		})
		for r, values := range shown {
			if len(values) != rounds+1 || values["step"] != `"5"` {
				e.Errorf("%s ended with %v", r, slices.Sorted(maps.Keys(values)))
			}
		}
		if e.system.overlap {
			e.Error("two writes of one record were under way at once")
		}
		if got := e.outcomes(); len(got) != len(total) {
			e.Errorf("%d outcomes of %d commands", len(got), len(total))
		}
	})
}

func TestBatchesAreFull(t *testing.T) {
	each(t, func(e *env) {
		var rows []outbox.Row
		for n := range 250 {
			rows = append(rows, e.update(string(rune('A'+n/26))+string(rune('a'+n%26)), "x", "y"))
		}
		e.check(rows...)
		if n := e.system.calls(); n != 3 {
			e.Errorf("%d calls for 250 records in batches of 100, want 3", n)
		}
	})
}

// TestBatchesOfOneAtATime: what a system takes request by request leaves in batches all the same, as large as it keeps up
// with.
func TestBatchesOfOneAtATime(t *testing.T) {
	each(t, func(e *env) {
		e.system.batch = 1
		var rows []outbox.Row
		for n := range 250 {
			rows = append(rows, e.update(string(rune('A'+n/26))+string(rune('a'+n%26)), "x", "y"))
		}
		e.check(rows...)
		if n := e.system.calls(); n > 60 {
			e.Errorf("%d batches for 250 records of a system that answers at once", n)
		}
	})
}
