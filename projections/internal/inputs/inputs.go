// Package inputs reads the payloads of facts, outcomes and decisions as they are written, without reflection. What is not as usual
// is left to encoding/json, as jsonread says. Values share the payload's bytes.
package inputs

import (
	"encoding/json"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// commonWords are the texts that nearly every payload has, so that each is there once.
var commonWords = func() map[string]string {
	m := map[string]string{}
	for _, w := range []string{
		"webhook", "read", "lookup", domain.ViaScan, domain.ViaSweep, domain.ViaImport, string(domain.HubSpot), string(domain.Aloware),
		domain.KindCreate, domain.KindUpdate, domain.KindRead, domain.KindLookup, domain.ResultApplied, domain.ResultPartly,
		domain.ResultRejected, domain.ResultSuperseded, domain.ResultWithdrawn, domain.ResultDiscarded,
		string(planner.InStep), string(planner.Pending), string(planner.Apart), string(planner.Dirty),
		string(planner.Linked), string(planner.Unlinked), "email", "phone", "first seen", "same on both sides",
		"phone_number", "first_name", "last_name", "company_name", "address", "city", "state", "zipcode", "country",
		"website", "date_of_birth", "firstname", "lastname", "company", "zip", "cnam_city", "cnam_state", "cnam_zipcode",
		"cnam_country",
	} {
		m[w] = w
	}
	return m
}()

// Word reads a text that comes again and again; "" for a null.
func Word(r *jsonread.Reader) string {
	if r.Null() {
		return ""
	}
	return Intern(r.Text())
}

// Intern is the text of the bytes, the same one each time if it is a common one.
func Intern(b []byte) string {
	if s, ok := commonWords[string(b)]; ok {
		return s
	}
	return string(b)
}

// ID reads an id; the zero one for a null.
func ID(r *jsonread.Reader) (id ulid.ULID) {
	if !r.Null() && id.UnmarshalText(r.Text()) != nil {
		r.GiveUp()
	}
	return id
}

// Record reads the stream of a record; the zero one for a null.
func Record(r *jsonread.Reader) (rec domain.Record) {
	if !r.Null() && rec.UnmarshalText(r.Text()) != nil {
		r.GiveUp()
	}
	return rec
}

// Rest leaves a value to encoding/json.
func Rest(r *jsonread.Reader, into any) {
	if raw := r.Raw(); raw != nil && json.Unmarshal(raw, into) != nil {
		r.GiveUp()
	}
}

// Origin reads who made a change.
func Origin(r *jsonread.Reader, o *domain.Origin) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "source":
			r.Once(&seen, 0)
			o.Source = Word(r)
		case "id":
			r.Once(&seen, 1)
			o.ID = Word(r)
		case "own":
			r.Once(&seen, 2)
			o.Own = r.Bool()
		default:
			r.Unknown(key)
		}
	}
}
