package history

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/internal/jsonread"
)

const contactPrefix = "contact/"

func contactOwner(id ulid.ULID) string { return contactPrefix + id.String() }

// onRecord reports that the event lies on a record's stream.
func onRecord(e *eventstore.Event) bool {
	if strings.HasPrefix(e.Stream, contactPrefix) {
		return false // as most that are not; saying why takes long
	}
	_, err := domain.ParseRecord(e.Stream)
	return err == nil
}

// owners returns whose timeline the event belongs to, each once.
func owners(e *eventstore.Event) ([]string, error) {
	if onRecord(e) {
		return []string{e.Stream}, nil
	}
	switch e.Type {
	case domain.DecisionMade:
		return decisionOwners(e)
	case domain.CommandRetried, domain.CommandDiscarded, domain.PlannerRetried, domain.ReviewSettled, domain.DuplicateResolved,
		domain.SubjectErased, domain.SubjectLifted, domain.SubjectHeld, domain.SubjectReleased:
		return actOwners(e)
	case domain.SettingsChanged, domain.ModeChanged, domain.SyncPaused, domain.SyncResumed, domain.GateChanged:
		return []string{ownerConnection}, nil
	}
	return nil, nil
}

// actOwners are the contact the act is about and the records it names.
func actOwners(e *eventstore.Event) (list []string, err error) {
	var act domain.Act
	if err := json.Unmarshal(e.Data, &act); err != nil {
		return nil, err
	}
	if !act.Contact.IsZero() {
		list = append(list, contactOwner(act.Contact))
	}
	for _, r := range act.Records {
		list = append(list, r.Stream())
	}
	return list, nil
}

// named is whom a decision names.
type named struct {
	contact ulid.ULID
	linked  []domain.Record
	aliases []planner.Alias
}

// decisionOwners are the contact decided on, the records it links, and the contacts that lose or win by an alias.
func decisionOwners(e *eventstore.Event) ([]string, error) {
	d, ok := readNamed(e.Data)
	if !ok {
		var whole planner.Decision
		if err := json.Unmarshal(e.Data, &whole); err != nil {
			return nil, err
		}
		d = named{contact: whole.Contact, aliases: whole.Aliases}
		for _, l := range whole.Links {
			d.linked = append(d.linked, l.Record)
		}
	}
	list := make([]string, 0, 1+len(d.linked)+2*len(d.aliases))
	add := func(owner string) {
		if owner != "" && !slices.Contains(list, owner) {
			list = append(list, owner)
		}
	}
	add(contactOwner(d.contact))
	for _, rec := range d.linked {
		add(rec.Stream())
	}
	for _, a := range d.aliases {
		add(contactOwner(a.From))
		add(contactOwner(a.To))
	}
	return list, nil
}

// readNamed reads a decision as it is written, without reflection, and passes by what names nobody. What is not as usual
// is left to encoding/json.
func readNamed(data []byte) (d named, ok bool) {
	r, seen := jsonread.New(data), uint32(0)
	for key := range r.Fields() {
		switch string(key) {
		case "contact":
			r.Once(&seen, 0)
			unmarshal(r, d.contact.UnmarshalText)
		case "links":
			r.Once(&seen, 1)
			for range r.Elements() {
				d.linked = append(d.linked, readLinked(r))
			}
		case "aliases":
			r.Once(&seen, 2)
			if raw := r.Raw(); raw != nil && json.Unmarshal(raw, &d.aliases) != nil {
				r.GiveUp()
			}
		default:
			r.Unknown(key)
		}
	}
	return d, r.Done()
}

// readLinked reads the record of a planner.Link.
func readLinked(r *jsonread.Reader) (rec domain.Record) {
	seen := uint32(0)
	for key := range r.Fields() {
		if string(key) != "record" {
			r.Unknown(key)
			continue
		}
		r.Once(&seen, 0)
		unmarshal(r, rec.UnmarshalText)
	}
	return rec
}

func unmarshal(r *jsonread.Reader, into func([]byte) error) {
	if !r.Null() && into(r.Text()) != nil {
		r.GiveUp()
	}
}
