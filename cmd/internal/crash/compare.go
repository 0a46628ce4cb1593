package main

import (
	"encoding/json"
	"fmt"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// pairs are the people of both systems, matched by their number. Duolog's own links are not asked.
type pairs struct {
	settings settings.Settings
	env      settings.Env
	all      map[domain.System][]person
	both     []pair
	alone    map[domain.System][]string
}

// pair is one human being in both systems.
type pair map[domain.System]person

// newPairs matches people under the settings a new connection starts with.
func newPairs(held map[domain.System][]person) (pairs, error) {
	s, err := settings.Preset(settings.PresetDefault)
	if err != nil {
		return pairs{}, err
	}
	p := pairs{settings: s, env: s.Env(), all: held, alone: map[domain.System][]string{}}
	index := map[string]person{}
	for _, one := range held[domain.Aloware] {
		index[p.phone(domain.Aloware, one)] = one
	}
	met := map[string]bool{}
	for _, one := range held[domain.HubSpot] {
		twin, ok := index[p.phone(domain.HubSpot, one)]
		if !ok || met[twin.ID] {
			p.alone[domain.HubSpot] = append(p.alone[domain.HubSpot], one.ID)
			continue
		}
		met[twin.ID] = true
		p.both = append(p.both, pair{domain.HubSpot: one, domain.Aloware: twin})
	}
	for _, one := range held[domain.Aloware] {
		if !met[one.ID] {
			p.alone[domain.Aloware] = append(p.alone[domain.Aloware], one.ID)
		}
	}
	return p, nil
}

// phone is the number of a person as Duolog compares it; HubSpot has some as a mobile one only.
func (p pairs) phone(system domain.System, one person) string {
	f, _ := p.settings.Field(settings.PhoneField)
	if v := p.value(f, system, one); v != "" || system == domain.Aloware {
		return v
	}
	f.HubSpot.Read = settings.MobilePhone
	return p.value(f, system, one)
}

// value is a field in canonical form; a value that has none stands for itself.
func (p pairs) value(f settings.Field, system domain.System, one person) string {
	raw := one.Properties[f.Side(system).Read]
	b, err := json.Marshal(raw)
	if err != nil {
		return raw
	}
	v, _, err := f.Get(system, domain.Properties{f.Side(system).Read: b}, p.env)
	if err != nil {
		return fmt.Sprintf("no %s: %q", f.Type, raw)
	}
	return v
}

// duplicates finds records of one system that share a number or an email.
func (c *campaign) duplicates(p pairs) {
	email, _ := p.settings.Field(settings.EmailField)
	for system, all := range p.all {
		seen := map[string]string{}
		for _, one := range all {
			for kind, key := range map[string]string{"number": p.phone(system, one), "email": p.value(email, system, one)} {
				if key == "" {
					continue
				}
				if other, had := seen[kind+key]; had {
					c.result.DuplicateRecords++
					c.violate("%s:%s and %s:%s have the same %s", system, other, system, one.ID, kind)
				}
				seen[kind+key] = one.ID
			}
		}
	}
}

// agreement compares every mapped field of every pair. A field that flows one way only must agree, too: no edit of the
// campaign goes against a direction.
func (c *campaign) agreement(p pairs) {
	for _, two := range p.both {
		for _, f := range p.settings.Fields {
			c.result.FieldsCompared++
			if p.value(f, domain.Aloware, two[domain.Aloware]) != p.value(f, domain.HubSpot, two[domain.HubSpot]) {
				c.result.Differences++
				c.violate("%s differs between aloware:%s and hubspot:%s", f.Name, two[domain.Aloware].ID, two[domain.HubSpot].ID)
			}
		}
	}
}
