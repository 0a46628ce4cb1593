package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/eventstore"
)

// The views of a log.
const (
	// Log is every event as it stands.
	Log = "log"
	// Contacts is one contact.changed for each real change: no echoes, decisions or outcomes.
	Contacts = "contacts"
)

// ErrFilter marks a filter that nothing can match; the text says what is allowed.
var ErrFilter = errors.New("filter")

// Filter narrows what a reader sees of the log. It is stored with a consumer.
type Filter struct {
	View    string          `json:"view,omitempty" enum:"log,contacts" doc:"log, or contacts for net changes only"`
	Types   []string        `json:"types,omitempty" doc:"Event types; record.* means all that begin with record."`
	Fields  []string        `json:"fields,omitempty" doc:"Only events that name one of these fields or properties, and erasures"`
	Systems []domain.System `json:"systems,omitempty" doc:"hubspot or aloware: whose record the event is about; and erasures"`
}

// NewFilter makes a filter of words separated by commas, as they stand in a query.
func NewFilter(view, types, fields, systems string) (Filter, error) {
	f := Filter{View: view, Types: words(types), Fields: words(fields)}
	for _, s := range words(systems) {
		f.Systems = append(f.Systems, domain.System(s))
	}
	return f, f.Validate()
}

func words(list string) []string {
	var all []string
	for w := range strings.SplitSeq(list, ",") {
		if w = strings.TrimSpace(w); w != "" {
			all = append(all, w)
		}
	}
	return all
}

// Validate refuses what cannot be meant. Its errors wrap ErrFilter and repeat nothing of the filter.
func (f Filter) Validate() error {
	if f.View != "" && f.View != Log && f.View != Contacts {
		return fmt.Errorf("%w: view is one of log, contacts", ErrFilter)
	}
	for _, t := range f.Types {
		if !f.knows(t) {
			if f.View == Contacts {
				return fmt.Errorf("%w: the view contacts has the types %s and %s", ErrFilter, ContactChanged, subjectErased)
			}
			return fmt.Errorf("%w: there is no such event type; one of %s, or the first word with .*", ErrFilter,
				strings.Join(domain.EventTypes(), ", "))
		}
	}
	for _, s := range f.Systems {
		if !s.Valid() {
			return fmt.Errorf("%w: system is one of hubspot, aloware", ErrFilter)
		}
	}
	return nil
}

func (f Filter) knows(kind string) bool {
	if f.View == Contacts {
		return matches(kind, ContactChanged) || matches(kind, subjectErased)
	}
	return slices.ContainsFunc(domain.EventTypes(), func(known string) bool { return matches(kind, known) })
}

// matches reports whether the pattern, a type or a word and ".*", means the type.
func matches(pattern, kind string) bool {
	if family, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasSuffix(family, ".") {
		return strings.HasPrefix(kind, family)
	}
	return pattern == kind
}

// All reports whether everything in the log passes.
func (f Filter) All() bool {
	return f.View != Contacts && len(f.Types) == 0 && len(f.Fields) == 0 && len(f.Systems) == 0
}

// match reports whether the event passes, its view aside. An erasure names no field and may reach further than the records
// of a system: only types keep it out.
func (f Filter) match(e eventstore.Event) bool {
	if len(f.Types) > 0 && !slices.ContainsFunc(f.Types, func(t string) bool { return matches(t, e.Type) }) {
		return false
	}
	if e.Type == subjectErased { // an order to delete, for whoever may hold something of that person
		return true
	}
	if len(f.Systems) > 0 && !slices.ContainsFunc(f.Systems, func(s domain.System) bool { return about(e, s) }) {
		return false
	}
	return len(f.Fields) == 0 || names(e, f.Fields)
}

// payload reads what an event holds; a change of a contact is made when it is asked for, and stored nowhere.
func payload(e eventstore.Event, into any) error {
	if e.Type == ContactChanged {
		return json.Unmarshal(e.Data, into)
	}
	return domain.Decode(e.Type, e.Schema, e.Data, into)
}

// about reports whether the event is one of the system's: its record's stream, or a change that came from it.
func about(e eventstore.Event, s domain.System) bool {
	if strings.HasPrefix(e.Stream, string(s)+"/") {
		return true
	}
	var told struct {
		System domain.System `json:"system"`
		Source domain.System `json:"source"`
	}
	if e.Type != ContactChanged && !bytes.Contains(e.Data, []byte(`"system"`)) {
		return false
	}
	return payload(e, &told) == nil && (told.System == s || e.Type == ContactChanged && told.Source == s)
}

// names reports whether the event holds one of the fields: a property told or sent, or a field decided or changed.
func names(e eventstore.Event, fields []string) bool {
	var told struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Sent       map[string]json.RawMessage `json:"sent"`
		Fields     json.RawMessage            `json:"fields"`
	}
	if e.Erased || payload(e, &told) != nil {
		return false
	}
	var changed map[string]json.RawMessage
	var decided []struct {
		Field string `json:"field"`
	}
	if json.Unmarshal(told.Fields, &changed) != nil {
		_ = json.Unmarshal(told.Fields, &decided) // neither: the event names no field
	}
	return slices.ContainsFunc(fields, func(name string) bool {
		for _, m := range []map[string]json.RawMessage{told.Properties, told.Sent, changed} {
			if _, ok := m[name]; ok {
				return true
			}
		}
		for _, v := range decided {
			if v.Field == name {
				return true
			}
		}
		return false
	})
}
