package adaptertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/sandboxkit"
	"github.com/duolog/duolog/domain"
)

// Harness is a system connected to an empty sandbox of its own, without faults, and what the suite must know of both.
type Harness struct {
	System adapters.System
	// Account is what Identify must answer.
	Account string
	// Intruder is the same system with credentials the sandbox refuses.
	Intruder adapters.System
	// Names gives the system's property names of first_name, last_name, email, phone_number and company_name.
	Names map[string]string
	// Sign makes an authentic delivery of a body, with the headers that authenticate it and no others.
	Sign func(body []byte) adapters.Delivery
	// Signed is true when the headers vouch for the body, too.
	Signed bool
	// Changed is a webhook body about a change of the record with ID ChangedID, Unknown one of an unknown kind.
	Changed   []byte
	ChangedID string
	Unknown   []byte
	// Faults orders failures for the coming API requests.
	Faults func(...sandboxkit.Fault)
	// Count is the number of live contacts in the sandbox, Show a contact's values by property name.
	Count func() int
	Show  func(id string) map[string]string
	// Edit changes a contact as one of its people does, by Duolog's field names.
	Edit func(id string, f sandboxkit.Fields) error
	// MissingID is the id of a record that never was.
	MissingID string
	// InvalidProperty and InvalidValue are refused by the sandbox; empty when it refuses no value.
	InvalidProperty, InvalidValue string
	// Secrets must not occur in any error.
	Secrets []string
}

// Run proves everything the suite knows about the system.
func Run(t *testing.T, h Harness) {
	t.Helper()
	s := &suite{Harness: h}
	for _, c := range []struct {
		name string
		run  func(*testing.T, *suite)
	}{
		{"identify", identify},
		{"schema", schema},
		{"prepare twice", prepare},
		{"create and read", createAndRead},
		{"read in order", readInOrder},
		{"create twice", createTwice},
		{"create in doubt", createInDoubt},
		{"create fails after commit", createAfterCommit},
		{"update", update},
		{"update what was changed", updateChanged},
		{"update a missing record", updateMissing},
		{"create one that exists", createExisting},
		{"refused value", refused},
		{"many in one call", many},
		{"scan", scan},
		{"catalogs", catalogs},
		{"catalogs without credentials", catalogFails},
		{"server error", serverError},
		{"rate limit", rateLimit},
		{"authenticate", authenticate},
		{"translate", translate},
		{"translate garbage", garbage},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// suite adds a supply of people and the check of error texts.
type suite struct {
	Harness
	people int
}

// person is somebody no other test uses.
type person struct {
	contact ulid.ULID
	fields  sandboxkit.Fields
}

func (s *suite) person() person {
	s.people++
	c := sandboxkit.NewChance(uint64(s.people), "adaptertest")
	f := sandboxkit.NewFields(c, s.people)
	return person{
		contact: ulid.MustParse(fmt.Sprintf("01JDDDDDDDDDDDDDDDDDD%05d", s.people)),
		fields: sandboxkit.Fields{
			"first_name": f["first_name"], "last_name": f["last_name"], "email": f["email"],
			"phone_number": f["phone_number"], "company_name": f["company_name"],
		},
	}
}

// values are the fields under the system's names.
func (s *suite) values(f sandboxkit.Fields) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(f))
	for name, v := range f {
		out[s.Names[name]] = quote(v)
	}
	return out
}

func quote(v string) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}

// create writes the person and returns the answer.
func (s *suite) create(t *testing.T, p person) adapters.WriteAnswer {
	t.Helper()
	return s.write(t, adapters.Write{
		Command: ulid.Make(), Contact: p.contact, Create: true, Phone: p.fields["phone_number"],
		Values: s.values(p.fields),
	})
}

// must creates the person or ends the test.
func (s *suite) must(t *testing.T, p person) domain.Record {
	t.Helper()
	a := s.create(t, p)
	if a.Err != nil || a.Record.ID == "" {
		t.Fatalf("create: record %v, %v", a.Record, a.Err)
	}
	return a.Record
}

func (s *suite) write(t *testing.T, w adapters.Write) adapters.WriteAnswer {
	t.Helper()
	answers := s.System.Write(context.Background(), []adapters.Write{w})
	if len(answers) != 1 {
		t.Fatalf("%d answers to one write", len(answers))
	}
	s.checkText(t, answers[0].Err)
	return answers[0]
}

func (s *suite) read(t *testing.T, by, value string) adapters.ReadAnswer {
	t.Helper()
	answers := s.System.Read(context.Background(), []adapters.ReadRequest{
		{By: by, Value: value, Properties: s.properties()},
	})
	if len(answers) != 1 {
		t.Fatalf("%d answers to one read", len(answers))
	}
	s.checkText(t, answers[0].Err)
	return answers[0]
}

func (s *suite) properties() []string {
	out := make([]string, 0, len(s.Names))
	for _, name := range s.Names {
		out = append(out, name)
	}
	return out
}

// checkText fails when an error tells a secret, an email or a phone.
func (s *suite) checkText(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, secret := range append([]string{"@people.example", "+1415", "5550"}, s.Secrets...) {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells something private (%d characters)", len(secret))
		}
	}
}

// failure returns the error as the contract's.
func failure(t *testing.T, err error) *adapters.Error {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T (%v) is not an *adapters.Error", err, err)
	}
	return e
}

// text reads a property as text; absent and null are empty.
func text(raw json.RawMessage) string {
	var v string
	_ = json.Unmarshal(raw, &v)
	return v
}
