package adaptertest

import (
	"context"
	"errors"
	"testing"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/sandboxkit"
)

func identify(t *testing.T, s *suite) {
	account, err := s.System.Identify(context.Background())
	if err != nil || account != s.Account {
		t.Fatalf("identify: %q, %v; want %q", account, err, s.Account)
	}
	_, err = s.Intruder.Identify(context.Background())
	s.checkText(t, err)
	if e := failure(t, err); e.Class != adapters.Unauthorized {
		t.Fatalf("wrong credentials: class %d, want Unauthorized", e.Class)
	}
}

func schema(t *testing.T, s *suite) {
	properties, err := s.System.Schema(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]adapters.Property{}
	for _, p := range properties {
		seen[p.Name] = p
	}
	for field, name := range s.Names {
		p, ok := seen[name]
		if !ok || p.Type == "" || p.ReadOnly {
			t.Errorf("%s: property %q is missing, without type, or read-only: %+v", field, name, p)
		}
		if p.Declared == s.System.Capabilities().List {
			t.Errorf("%s: declared is %v", name, p.Declared)
		}
	}
}

func prepare(t *testing.T, s *suite) {
	for range 2 {
		if err := s.System.Prepare(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

func createAndRead(t *testing.T, s *suite) {
	p := s.person()
	a := s.create(t, p)
	if a.Err != nil || !a.Created || a.Record.System != s.System.Name() {
		t.Fatalf("create: %+v", a)
	}
	if got := text(a.Shows[s.Names["last_name"]]); got != p.fields["last_name"] {
		t.Errorf("the answer shows another last name (%d characters)", len(got))
	}
	if a.Clock == 0 {
		t.Error("the answer has no clock")
	}
	s.finds(t, "id", a.Record.ID, p, a)
	caps := s.System.Capabilities()
	if caps.LookupByEmail {
		s.finds(t, "email", p.fields["email"], p, a)
	}
	s.finds(t, "phone", p.fields["phone_number"], p, a)
}

func (s *suite) finds(t *testing.T, by, value string, p person, a adapters.WriteAnswer) {
	t.Helper()
	got := s.read(t, by, value)
	if got.Err != nil || len(got.Records) != 1 || got.Records[0].Record != a.Record {
		// A system without a read by id must say so, not answer "none".
		if by == "id" && got.Err != nil && errors.Is(got.Err, adapters.ErrUnsupported) {
			return
		}
		t.Fatalf("by %s: %d records, %v", by, len(got.Records), got.Err)
	}
	snap := got.Records[0]
	if text(snap.Properties[s.Names["company_name"]]) != p.fields["company_name"] || snap.Clock == 0 {
		t.Errorf("by %s: another company or no clock", by)
	}
}

func readInOrder(t *testing.T, s *suite) {
	p, q := s.person(), s.person()
	rp, rq := s.must(t, p), s.must(t, q)
	ask := func(person person) adapters.ReadRequest {
		return adapters.ReadRequest{By: "phone", Value: person.fields["phone_number"], Properties: s.properties()}
	}
	stranger := s.person()
	got := s.System.Read(context.Background(), []adapters.ReadRequest{ask(q), ask(stranger), ask(p)})
	if len(got) != 3 || len(got[0].Records) != 1 || len(got[1].Records) != 0 || len(got[2].Records) != 1 {
		t.Fatalf("answers out of order: %d", len(got))
	}
	if got[0].Records[0].Record != rq || got[2].Records[0].Record != rp || got[1].Err != nil {
		t.Fatalf("wrong records, or a stranger is an error: %v", got[1].Err)
	}
}

func scan(t *testing.T, s *suite) {
	s.must(t, s.person())
	seen := map[string]bool{}
	err := s.System.Scan(context.Background(), s.properties(), func(page []adapters.Snapshot) error {
		for _, snap := range page {
			if seen[snap.Record.ID] {
				t.Errorf("%v twice", snap.Record)
			}
			seen[snap.Record.ID] = true
		}
		return nil
	})
	if !s.System.Capabilities().List {
		if !errors.Is(err, adapters.ErrUnsupported) {
			t.Fatalf("scan without a list: %v", err)
		}
		return
	}
	if err != nil || len(seen) != s.Count() {
		t.Fatalf("scan: %d of %d, %v", len(seen), s.Count(), err)
	}
	stop := errors.New("stop")
	err = s.System.Scan(context.Background(), nil, func([]adapters.Snapshot) error { return stop })
	if !errors.Is(err, stop) {
		t.Fatalf("fn's error is not returned: %v", err)
	}
}

func serverError(t *testing.T, s *suite) {
	p := s.person()
	s.Faults(sandboxkit.FailBefore)
	got := s.read(t, "phone", p.fields["phone_number"])
	if e := failure(t, got.Err); e.Class != adapters.Retry {
		t.Fatalf("5xx on a read: class %d, want Retry", e.Class)
	}
	before := s.Count()
	s.Faults(sandboxkit.FailBefore)
	a := s.create(t, p)
	if e := failure(t, a.Err); e.Class != adapters.Retry || s.Count() != before {
		t.Fatalf("5xx on a create: class %d, %d new records", e.Class, s.Count()-before)
	}
}

func rateLimit(t *testing.T, s *suite) {
	s.Faults(sandboxkit.Limit)
	a := s.create(t, s.person())
	if e := failure(t, a.Err); e.Class != adapters.Throttled || e.After <= 0 {
		t.Fatalf("429: class %d after %v, want Throttled and a wait", e.Class, e.After)
	}
}
