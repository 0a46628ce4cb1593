package main

import (
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// words are what people wrote into the records of one system, by record id and property, the last one last. What Duolog
// wrote is not among them.
type words map[string]map[string][]word

// word is one of them, and what the record showed when it was written.
type word struct {
	value string
	shown map[string]string
}

// say notes what a person wrote who saw what was shown.
func (w words) say(id string, properties, shown map[string]string) {
	if w[id] == nil {
		w[id] = map[string][]word{}
	}
	for name, v := range properties {
		w[id][name] = append(w[id][name], word{v, shown})
	}
}

// of is what was written into a field of a record. The people there were at first are known by read names.
func (w words) of(id string, side settings.Side) []word {
	if side.Read == side.Write {
		return w[id][side.Write]
	}
	return slices.Concat(w[id][side.Read], w[id][side.Write])
}

// freshness checks that every field of every pair holds what was last written into it on one side or the other, and
// nothing older: two systems that agree on a value that was overtaken have lost a change all the same.
func (c *campaign) freshness(p pairs, said map[domain.System]words) {
	for _, two := range p.both {
		for _, f := range p.settings.Fields {
			h := p.history(f, two, said)
			fresh := slices.DeleteFunc([]string{h.last(domain.HubSpot), h.last(domain.Aloware)}, func(v string) bool { return v == "" })
			if len(fresh) == 0 {
				continue
			}
			c.result.ValuesTraced++
			holds := p.value(f, domain.HubSpot, two[domain.HubSpot])
			old, overruled := h.overruled()
			if overruled {
				c.result.Overruled++
			}
			if !slices.Contains(fresh, holds) {
				c.result.Stale++
				c.violate("%s of aloware:%s and hubspot:%s holds a value nobody wrote last", f.Name,
					two[domain.Aloware].ID, two[domain.HubSpot].ID)
			} else if overruled && holds == old {
				c.result.Stale++
				c.violate("%s of aloware:%s and hubspot:%s holds a value that somebody saw and wrote over", f.Name,
					two[domain.Aloware].ID, two[domain.HubSpot].ID)
			}
		}
	}
}

// history is what was written into one field of a pair, in canonical form.
type history struct {
	wrote map[domain.System][]string
	shown map[domain.System]string // when the last one was written
}

func (p pairs) history(f settings.Field, two pair, said map[domain.System]words) history {
	h := history{map[domain.System][]string{}, map[domain.System]string{}}
	for system, one := range two {
		side := f.Side(system)
		for _, w := range said[system].of(one.ID, side) {
			value := person{Properties: map[string]string{side.Read: w.value}}
			h.wrote[system] = append(h.wrote[system], p.value(f, system, value))
			h.shown[system] = p.value(f, system, person{Properties: w.shown})
		}
	}
	return h
}

func (h history) last(system domain.System) string {
	if all := h.wrote[system]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// overruled finds a system's last word that somebody in the other system saw and wrote over: only the other's last word
// may stand then, however close in time they were. Seen means that it came there by Duolog, as what was written once and
// only on its own side.
func (h history) overruled() (old string, ok bool) {
	for system, other := range map[domain.System]domain.System{
		domain.HubSpot: domain.Aloware, domain.Aloware: domain.HubSpot,
	} {
		old, last := h.last(system), h.last(other)
		once := len(h.wrote[system]) - 1
		if old != "" && last != "" && h.shown[other] == old &&
			slices.Index(h.wrote[system], old) == once && !slices.Contains(h.wrote[other], old) {
			return old, true
		}
	}
	return "", false
}
