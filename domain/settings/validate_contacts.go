package settings

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/duolog/duolog/domain"
)

// checkPeople checks who takes part, and how new contacts are made.
func (s Settings) checkPeople(c *checker) {
	known := make([]string, len(domain.Sources))
	for i, source := range domain.Sources {
		known[i] = string(source)
	}
	for _, source := range slices.Sorted(maps.Keys(s.Contacts.CreateFrom)) {
		if !slices.Contains(known, string(source)) {
			c.word("contacts.create_from", string(source), known)
		}
	}
	s.checkFilter(c, "contacts.only", s.Contacts.Only)
	if s.Contacts.WhenLeaving != "" {
		c.word("contacts.when_leaving", s.Contacts.WhenLeaving, WhenLeavings)
	}
	if s.Contacts.OnMerge != "" && s.Contacts.OnMerge != OnMergeFollow {
		c.add("contacts.on_merge", s.Contacts.OnMerge, OnMergeFollow,
			"the ids that were merged away mean nobody any more, so a merge cannot wait for a person")
	}
	s.checkOnCreate(c, domain.HubSpot, s.Contacts.OnCreate.HubSpot)
	s.checkOnCreate(c, domain.Aloware, s.Contacts.OnCreate.Aloware)
}

// placeholderSource is what stands in a value for how the contact came to be.
const placeholderSource = "{source}"

// OnCreateValue returns a value of on_create as it is written for a source.
func OnCreateValue(value string, source domain.Source) string {
	return strings.ReplaceAll(value, placeholderSource, string(source))
}

func (s Settings) checkOnCreate(c *checker, sys domain.System, values map[string]string) {
	for _, property := range slices.Sorted(maps.Keys(values)) {
		path := "contacts.on_create." + string(sys) + "." + property
		rest := strings.ReplaceAll(values[property], placeholderSource, "")
		switch {
		case property == "" || strings.ContainsFunc(property, notInName):
			c.add(path, fmt.Sprintf("%q", property), "the name of a property", "letters, digits, _ and - only")
		case sys == domain.HubSpot && property == domain.UniqueProperty:
			c.add(path, property, "another property", "Duolog keeps its own key there")
		case sys == domain.HubSpot && property == MarketableStatus:
			c.add(path, property, "marketing_contact: true or false", "write it as marketing_contact")
		case strings.ContainsAny(rest, "{}"):
			c.add(path, values[property], "a text, in which only {source} is replaced", "remove the other braces")
		case s.locked(sys, property):
			c.add(path, property, "a property that is not a person's own email or phone", "remove the line")
		}
	}
}

// locked reports a property by which people are told apart: the same value for everyone would make them one.
func (s Settings) locked(sys domain.System, property string) bool {
	f, ok := s.FieldFor(sys, property)
	return ok && f.Locked
}

func (s Settings) checkRecord(c *checker) {
	for _, name := range s.Record {
		switch {
		case name == "all":
			c.add("defaults.record", name, "mapped, or a list of properties of HubSpot",
				"name those you want to keep: HubSpot cannot be asked for all of them at once")
		case name == "" || strings.ContainsFunc(name, notInName):
			c.add("defaults.record", fmt.Sprintf("%q", name), "the name of a property", "letters, digits, _ and - only")
		}
	}
}
