package contacts_test

import (
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/contacts"
)

// waiting is a verdict that sent the field to Aloware by the command.
func waiting(field string, command ulid.ULID) planner.Verdict {
	return planner.Verdict{Field: field, Result: planner.Sent, Command: command, After: planner.FieldState{
		State: planner.Pending, Pending: &planner.PendingWrite{System: domain.Aloware, Command: command},
	}}
}

func TestAnOutcomeSettlesTheFieldsThatWaitForIt(t *testing.T) {
	both(t, func(w *world) {
		command, later := ulid.Make(), ulid.Make()
		first := w.tell(hub, domain.RecordCreated, 1000, "city", "Oakland")
		second := w.tell(hub, domain.RecordUpdated, 2000, "website", "example.com")
		d := linked(one, first, nil)
		d.Fields = []planner.Verdict{waiting("city", command), waiting("email", command), waiting("website", command)}
		w.decide(d)
		at := w.append(alo.Stream(), domain.CommandSettled, alo.Stream(), domain.Outcome{
			Command: command, Contact: one, Kind: domain.KindUpdate, System: domain.Aloware, Record: alo,
			Result: domain.ResultPartly, Refused: map[string]string{"email": domain.ReasonInvalid},
		})
		// Decided on an input before the outcome: the city still waits for the same write, the website for another.
		w.decide(planner.Decision{Contact: one, Input: second, Fields: []planner.Verdict{
			waiting("city", command), waiting("website", later),
		}})
		c := w.get(one)
		want := map[string]contacts.Field{
			"city":    {Field: "city", State: contacts.InStep, Position: at},
			"email":   {Field: "email", State: contacts.Failing, Reason: "rejected: invalid", Position: at},
			"website": {Field: "website", State: contacts.Pending, Position: at + 1},
		}
		for _, f := range c.Fields {
			if f != want[f.Field] {
				w.t.Errorf("field %+v, want %+v", f, want[f.Field])
			}
		}
		if len(c.Fields) != len(want) || c.Status != contacts.Failing {
			w.t.Errorf("contact %+v, want it failing with three fields", c)
		}
	})
}

// TestAnOutcomeLeavesWhatWasDecidedSince: a field that is apart since its write left stays so, however the write ends.
func TestAnOutcomeLeavesWhatWasDecidedSince(t *testing.T) {
	both(t, func(w *world) {
		command := ulid.Make()
		first := w.tell(hub, domain.RecordCreated, 1000, "city", "Oakland")
		second := w.tell(hub, domain.RecordUpdated, 2000, "city", "")
		d := linked(one, first, nil)
		d.Fields = []planner.Verdict{waiting("city", command)}
		w.decide(d)
		kept := waiting("city", command)
		kept.Result, kept.After.State, kept.After.Result, kept.After.Rule = planner.Kept, planner.Apart, planner.Kept, "blank = keep"
		w.decide(planner.Decision{Contact: one, Input: second, Fields: []planner.Verdict{kept}})
		w.append(alo.Stream(), domain.CommandSettled, alo.Stream(), domain.Outcome{
			Command: command, Contact: one, Kind: domain.KindUpdate, System: domain.Aloware, Record: alo, Result: domain.ResultApplied,
		})
		if c := w.get(one); len(c.Fields) != 1 || c.Fields[0].State != contacts.Apart || c.Fields[0].Reason != "kept: blank = keep" {
			w.t.Errorf("%+v, want the city apart", c.Fields)
		}
	})
}
