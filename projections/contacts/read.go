package contacts

import (
	"encoding/json"
	"slices"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

// The payloads as they are written, read without reflection: only what the fold needs of them. What is not as usual
// is left to encoding/json. Values share the payload's bytes.

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
		"website", "date_of_birth",
	} {
		m[w] = w
	}
	return m
}()

func word(r *jsonread.Reader) string {
	if r.Null() {
		return ""
	}
	return intern(r.Text())
}

func intern(b []byte) string {
	if s, ok := commonWords[string(b)]; ok {
		return s
	}
	return string(b)
}

func id(r *jsonread.Reader) (id ulid.ULID) {
	if !r.Null() && id.UnmarshalText(r.Text()) != nil {
		r.GiveUp()
	}
	return id
}

func readRecord(r *jsonread.Reader) (rec domain.Record) {
	if !r.Null() && rec.UnmarshalText(r.Text()) != nil {
		r.GiveUp()
	}
	return rec
}

// rest leaves a value to encoding/json.
func rest(r *jsonread.Reader, into any) {
	if raw := r.Raw(); raw != nil && json.Unmarshal(raw, into) != nil {
		r.GiveUp()
	}
}

// list reads an object whose keys rise, as encoding/json writes them.
func list[V any](r *jsonread.Reader, read func() V) byName[V] {
	var room [16]named[V]
	all := byName[V](room[:0])
	for key := range r.Fields() {
		name := intern(key)
		if n := len(all); n > 0 && all[n-1].name >= name {
			r.GiveUp()
		}
		all = append(all, named[V]{name, read()})
	}
	if len(all) == 0 {
		return nil
	}
	return slices.Clone(all)
}

func properties(r *jsonread.Reader) byName[json.RawMessage] {
	return list(r, func() json.RawMessage { return r.Raw() })
}

func readFact(data []byte) (*fact, bool) {
	r, seen, f := jsonread.New(data), uint32(0), &fact{}
	for key := range r.Fields() {
		switch string(key) {
		case "via":
			r.Once(&seen, 0)
			f.Via = word(r)
		case "properties":
			r.Once(&seen, 1)
			f.props = properties(r)
		case "complete":
			r.Once(&seen, 2)
			f.Complete = r.Bool()
		case "lacks":
			r.Once(&seen, 10)
			rest(r, &f.Lacks)
		case "clock":
			r.Once(&seen, 3)
			f.Clock = r.Int()
		case "clocks":
			r.Once(&seen, 4)
			f.clocks = list(r, r.Int)
		case "origin":
			r.Once(&seen, 5)
			readOrigin(r, &f.Origin)
		case "merged":
			r.Once(&seen, 6)
			rest(r, &f.Merged)
		case "primary":
			r.Once(&seen, 7)
			f.Primary = readRecord(r)
		case "answer":
			r.Once(&seen, 8)
			rest(r, &f.Answer)
		case "vendor":
			r.Once(&seen, 9)
			f.Vendor = word(r)
		default:
			r.Unknown(key)
		}
	}
	f.by = author(f.Origin)
	return f, r.Done()
}

func readOrigin(r *jsonread.Reader, o *domain.Origin) {
	seen := uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "source":
			r.Once(&seen, 0)
			o.Source = word(r)
		case "id":
			r.Once(&seen, 1)
			o.ID = word(r)
		case "own":
			r.Once(&seen, 2)
			o.Own = r.Bool()
		default:
			r.Unknown(key)
		}
	}
}

func readOutcome(data []byte) (*outcome, bool) {
	r, seen, o := jsonread.New(data), uint32(0), &outcome{}
	for key := range r.Fields() {
		switch string(key) {
		case "command":
			r.Once(&seen, 0)
			o.Command = id(r)
		case "contact":
			r.Once(&seen, 1)
			o.Contact = id(r)
		case "kind":
			r.Once(&seen, 2)
			o.Kind = word(r)
		case "system":
			r.Once(&seen, 3)
			o.System = domain.System(word(r))
		case "record":
			r.Once(&seen, 4)
			o.Record = readRecord(r)
		case "result":
			r.Once(&seen, 5)
			o.Result = word(r)
		case "sent":
			r.Once(&seen, 6)
			o.sent = properties(r)
		case "shows":
			r.Once(&seen, 7)
			o.shows = properties(r)
		case "clock":
			r.Once(&seen, 8)
			o.Clock = r.Int()
		case "complete":
			r.Once(&seen, 9)
			o.Complete = r.Bool()
		case "refused":
			r.Once(&seen, 10)
			rest(r, &o.Refused)
		case "reason":
			r.Once(&seen, 11)
			o.Reason = r.String()
		case "attempt":
			r.Once(&seen, 12)
			o.Attempt = id(r)
		case "attempts":
			r.Once(&seen, 13)
			o.Attempts = int(r.Int())
		default: // the rest is of no concern, and seldom there
			r.GiveUp()
		}
	}
	return o, r.Done()
}
