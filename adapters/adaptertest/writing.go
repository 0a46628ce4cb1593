package adaptertest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// createTwice: the same create after a crash finds itself, through our unique key or, where there is none, as a
// record that exists.
func createTwice(t *testing.T, s *suite) {
	before, p := s.Count(), s.person()
	first := s.must(t, p)
	s.same(t, s.create(t, p), first)
	if s.Count() != before+1 {
		t.Fatalf("%d records for one contact", s.Count()-before)
	}
}

func (s *suite) same(t *testing.T, a adapters.WriteAnswer, want domain.Record) {
	t.Helper()
	if a.Err == nil {
		if a.Record != want || a.Created {
			t.Fatalf("the repeated create answered %v, created %v; want %v", a.Record, a.Created, want)
		}
		return
	}
	e := failure(t, a.Err)
	if s.System.Capabilities().UniqueKey || e.Reason != domain.ReasonExists || e.Existing != want {
		t.Fatalf("the repeated create: %+v", e)
	}
}

// createInDoubt: a create that was carried out, and is sent again because nobody heard the answer, leaves what was
// changed in the record meanwhile, and says what it is now.
func createInDoubt(t *testing.T, s *suite) {
	p := s.person()
	r := s.must(t, p)
	company := s.Names["company_name"]
	if a := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Record: r, Phone: p.fields["phone_number"],
		Values: s.values(sandboxkit.Fields{"company_name": "Changed Ltd"}),
	}); a.Err != nil {
		t.Fatal(a.Err)
	}
	again := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Create: true, Again: true, Phone: p.fields["phone_number"],
		Values: s.values(p.fields),
	})
	s.same(t, again, r)
	if again.Err == nil && (!again.Unneeded || text(again.Shows[company]) != "Changed Ltd") {
		t.Errorf("the repeated create: %+v", again)
	}
	if got := s.Show(r.ID)[company]; got != "Changed Ltd" {
		t.Errorf("the record shows %q, want what was changed since", got)
	}
	q := s.person()
	made := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: q.contact, Create: true, Again: true, Phone: q.fields["phone_number"],
		Values: s.values(q.fields),
	})
	if made.Err != nil || s.Show(made.Record.ID)[s.Names["email"]] != q.fields["email"] {
		t.Errorf("a create that never arrived, sent again: %+v", made)
	}
}

func createAfterCommit(t *testing.T, s *suite) {
	for _, fault := range []sandboxkit.Fault{sandboxkit.FailAfter, sandboxkit.Drop} {
		before, p := s.Count(), s.person()
		faults := []sandboxkit.Fault{fault}
		if !s.System.Capabilities().UniqueKey { // the look-up before the write comes first
			faults = []sandboxkit.Fault{sandboxkit.Pass, fault}
		}
		s.Faults(faults...)
		first := s.create(t, p)
		if first.Err != nil {
			if e := failure(t, first.Err); e.Class != adapters.Retry {
				t.Fatalf("fault %d: class %d, want Retry", fault, e.Class)
			}
		}
		second := s.create(t, p)
		if second.Err != nil {
			if e := failure(t, second.Err); e.Reason != domain.ReasonExists || e.Existing.ID == "" {
				t.Fatalf("fault %d: the repeated create: %+v", fault, e)
			}
		}
		if s.Count() != before+1 {
			t.Fatalf("fault %d: %d records for one contact", fault, s.Count()-before)
		}
	}
}

func update(t *testing.T, s *suite) {
	p := s.person()
	r := s.must(t, p)
	a := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Record: r, Phone: p.fields["phone_number"],
		Values:     s.values(sandboxkit.Fields{"company_name": "Changed Ltd"}),
		Properties: []string{s.Names["last_name"]},
	})
	if a.Err != nil || a.Created || a.Record != r {
		t.Fatalf("update: %+v", a)
	}
	if text(a.Shows[s.Names["company_name"]]) != "Changed Ltd" {
		t.Error("the answer does not show what was written")
	}
	shown := s.Show(r.ID)
	if shown[s.Names["company_name"]] != "Changed Ltd" || shown[s.Names["last_name"]] != p.fields["last_name"] {
		t.Error("the record does not hold the change and only the change")
	}
}

// updateChanged: a value goes over nothing but what the write was decided on; the rest does, and what stays is told.
func updateChanged(t *testing.T, s *suite) {
	p := s.person()
	r := s.must(t, p)
	if err := s.Edit(r.ID, sandboxkit.Fields{"company_name": "Their Ltd"}); err != nil {
		t.Fatal(err)
	}
	company, last := s.Names["company_name"], s.Names["last_name"]
	a := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Record: r, Phone: p.fields["phone_number"],
		Values: s.values(sandboxkit.Fields{"company_name": "Our Ltd", "last_name": "Changed"}),
		Expects: map[string]planner.Expected{
			company: {Property: company, Value: quote(p.fields["company_name"])},
			last:    {Property: last, Value: quote(p.fields["last_name"])},
		},
	})
	shown := s.Show(r.ID)
	if a.Err != nil || len(a.Refused) != 1 || a.Refused[company] != domain.ReasonChanged ||
		text(a.Shows[company]) != "Their Ltd" || shown[company] != "Their Ltd" || shown[last] != "Changed" {
		t.Fatalf("%+v, and the record shows %q and %q", a, shown[company], shown[last])
	}
}

func updateMissing(t *testing.T, s *suite) {
	before, p := s.Count(), s.person()
	a := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Phone: p.fields["phone_number"],
		Record: domain.Record{System: s.System.Name(), ID: s.MissingID},
		Values: s.values(sandboxkit.Fields{"company_name": "Changed Ltd"}),
	})
	e := failure(t, a.Err)
	want := domain.ReasonGone
	if !s.System.Capabilities().UpdateByID {
		want = domain.ReasonMoved
	}
	if e.Class != adapters.Rejected || e.Reason != want || s.Count() != before {
		t.Fatalf("class %d, reason %q, %d new records; want %q", e.Class, e.Reason, s.Count()-before, want)
	}
}

// createExisting: another contact has the email already or, where phones are what is unique, the phone.
func createExisting(t *testing.T, s *suite) {
	key := "email"
	if !s.System.Capabilities().UniqueKey {
		key = "phone_number"
	}
	p, q := s.person(), s.person()
	r := s.must(t, p)
	q.fields[key] = p.fields[key]
	before := s.Count()
	a := s.create(t, q)
	e := failure(t, a.Err)
	if e.Class != adapters.Rejected || e.Reason != domain.ReasonExists || e.Existing != r || s.Count() != before {
		t.Fatalf("%+v, want it to exist as %v", e, r)
	}
	if got := s.Show(r.ID)[s.Names["last_name"]]; got != p.fields["last_name"] {
		t.Error("the record in the way was written to")
	}
}

func refused(t *testing.T, s *suite) {
	if s.InvalidProperty == "" {
		return
	}
	p := s.person()
	values := s.values(p.fields)
	values[s.InvalidProperty] = quote(s.InvalidValue)
	a := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Create: true, Phone: p.fields["phone_number"], Values: values,
	})
	if a.Err != nil || a.Record.ID == "" || len(a.Refused) != 1 || a.Refused[s.InvalidProperty] == "" {
		t.Fatalf("want the rest applied and one refusal: %+v", a)
	}
	if s.Show(a.Record.ID)[s.Names["company_name"]] != p.fields["company_name"] {
		t.Error("the rest was not applied")
	}
	b := s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Record: a.Record, Phone: p.fields["phone_number"],
		Values: map[string]json.RawMessage{s.InvalidProperty: quote(s.InvalidValue)},
	})
	e := failure(t, b.Err)
	if e.Class != adapters.Rejected || e.Reason != domain.ReasonInvalid || e.Refused[s.InvalidProperty] == "" {
		t.Fatalf("a write of nothing but a refused value: %+v", e)
	}
}

// many: one bad write does not harm its neighbours, and answers keep their order.
func many(t *testing.T, s *suite) {
	people := []person{s.person(), s.person(), s.person(), s.person()}
	last := s.must(t, people[3])
	var writes []adapters.Write
	for _, p := range people[:3] {
		writes = append(writes, adapters.Write{
			Command: ulid.Make(), Contact: p.contact, Create: true, Phone: p.fields["phone_number"],
			Values: s.values(p.fields),
		})
	}
	writes[1] = adapters.Write{
		Command: ulid.Make(), Contact: people[1].contact, Phone: people[1].fields["phone_number"],
		Record: domain.Record{System: s.System.Name(), ID: s.MissingID},
		Values: s.values(sandboxkit.Fields{"company_name": "Nobody Ltd"}),
	}
	writes = append(writes, adapters.Write{
		Command: ulid.Make(), Contact: people[3].contact, Record: last, Phone: people[3].fields["phone_number"],
		Values: s.values(sandboxkit.Fields{"company_name": "Changed Ltd"}),
	})
	got := s.System.Write(context.Background(), writes)
	if len(got) != len(writes) {
		t.Fatalf("%d answers to %d writes", len(got), len(writes))
	}
	for i, a := range got {
		if (a.Err != nil) != (i == 1) {
			t.Fatalf("write %d: %v", i, a.Err)
		}
	}
	if got[3].Record != last || s.Show(got[0].Record.ID)[s.Names["email"]] != people[0].fields["email"] {
		t.Error("answers are out of order")
	}
}
