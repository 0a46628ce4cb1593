package main

import (
	"maps"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// words are what people last wrote into the records of one system, by record id and property. What Duolog wrote is not
// among them.
type words map[string]map[string]string

// say notes what a person wrote.
func (w words) say(id string, properties map[string]string) {
	if w[id] == nil {
		w[id] = map[string]string{}
	}
	maps.Copy(w[id], properties)
}

// last is what was last written into a field of a record. The people there were at first are known by read names.
func (w words) last(id string, side settings.Side) string {
	if v, ok := w[id][side.Write]; ok {
		return v
	}
	return w[id][side.Read]
}

// freshness checks that every field of every pair holds what was last written into it on one side or the other, and
// nothing older: two systems that agree on a value that was overtaken have lost a change all the same.
func (c *campaign) freshness(p pairs, said map[domain.System]words) {
	for _, two := range p.both {
		for _, f := range p.settings.Fields {
			var fresh []string
			for system, one := range two {
				side := f.Side(system)
				last := person{Properties: map[string]string{side.Read: said[system].last(one.ID, side)}}
				if v := p.value(f, system, last); v != "" {
					fresh = append(fresh, v)
				}
			}
			if len(fresh) == 0 {
				continue
			}
			c.result.ValuesTraced++
			if !slices.Contains(fresh, p.value(f, domain.HubSpot, two[domain.HubSpot])) {
				c.result.Stale++
				c.violate("%s of aloware:%s and hubspot:%s holds a value nobody wrote last", f.Name,
					two[domain.Aloware].ID, two[domain.HubSpot].ID)
			}
		}
	}
}
