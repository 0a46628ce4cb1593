package settings

import (
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
)

// Properties of HubSpot contacts that are read whether mapped or not.
const (
	AdditionalEmails = "hs_additional_emails" // secondary addresses, ";" between them
	MergedIDs        = "hs_merged_object_ids" // every record merged into this one
	MobilePhone      = "mobilephone"
	OwnerID          = "hubspot_owner_id" // for the contact card, as are the next two
	LifecycleStage   = "lifecyclestage"
	LeadStatus       = "hs_lead_status"
)

// DispositionProperty is Aloware's contact disposition. Aloware lists none: a person declares what their ids stand for.
const DispositionProperty = "disposition_status_id"

var alwaysRead = []string{
	domain.UniqueProperty, AdditionalEmails, MergedIDs, MobilePhone, OwnerID, LifecycleStage, LeadStatus,
}

// Field returns the mapped field of that name.
func (s Settings) Field(name string) (Field, bool) {
	for i := range s.Fields { // a field is large: none is copied on the way
		if s.Fields[i].Name == name {
			return s.Fields[i], true
		}
	}
	return Field{}, false
}

// Named returns the field people mean by a word: its name, or the property of HubSpot it is mapped to.
func (s Settings) Named(word string) (Field, bool) {
	if f, ok := s.Field(word); ok {
		return f, true
	}
	return s.FieldFor(domain.HubSpot, word)
}

// FieldFor returns the field a system's property is mapped to, under the name it is read or written by.
func (s Settings) FieldFor(sys domain.System, property string) (Field, bool) {
	for _, f := range s.Fields {
		if f.Side(sys).Read == property {
			return f, true
		}
	}
	for _, f := range s.Fields {
		if f.Side(sys).Write == property {
			return f, true
		}
	}
	return Field{}, false
}

// Listed reports whether any field's values are read through what the systems offer to choose from.
func (s Settings) Listed() bool { return slices.ContainsFunc(s.Fields, Field.Listed) }

// ReadProperties lists, sorted, the properties to ask a system for: the mapped ones and what identity needs.
func (s Settings) ReadProperties(sys domain.System) []string {
	var names []string
	if sys == domain.HubSpot {
		names = append(names, alwaysRead...)
		names = append(names, s.Record...)
	}
	for _, f := range s.Fields {
		names = append(names, f.Side(sys).Read)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Sorted returns the settings with their fields in order of name, as they are stored.
func (s Settings) Sorted() Settings {
	s.Fields = slices.Clone(s.Fields)
	slices.SortStableFunc(s.Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return s
}
