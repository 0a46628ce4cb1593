package main

import (
	"slices"
	"time"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// words are what people wrote into the records of one system, by record id and property, the last one last. What Duolog
// wrote is not among them.
type words map[string]map[string][]word

// word is one of them, when it was written, and what the record showed then.
type word struct {
	value string
	at    time.Time
	shown map[string]string
}

// say notes what a person wrote who saw what was shown.
func (w words) say(id string, properties map[string]string, at time.Time, shown map[string]string) {
	if w[id] == nil {
		w[id] = map[string][]word{}
	}
	for name, v := range properties {
		w[id][name] = append(w[id][name], word{v, at, shown})
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
// nothing older: two systems that agree on a value that was overtaken have lost a change all the same. A write in doubt that
// is tried again may go over what somebody typed since; then a decision has to name that as lost.
func (c *campaign) freshness(p pairs, said map[domain.System]words, l log) {
	for _, two := range p.both {
		for _, f := range p.settings.Fields {
			h := p.history(f, two, said)
			fresh := slices.DeleteFunc([]string{h.last(domain.HubSpot), h.last(domain.Aloware)}, func(v string) bool { return v == "" })
			if len(fresh) == 0 {
				continue
			}
			c.result.ValuesTraced++
			holds := p.value(f, domain.HubSpot, two[domain.HubSpot])
			old, overruled := p.overruled(h, l)
			if overruled {
				c.result.Overruled++
			}
			if !slices.Contains(fresh, holds) {
				c.result.Stale++
				c.violate("%s of aloware:%s and hubspot:%s holds a value nobody wrote last", f.Name,
					two[domain.Aloware].ID, two[domain.HubSpot].ID)
			} else if overruled && holds == old && !l.named(two, f.Name) {
				c.result.Stale++
				c.violate("%s of aloware:%s and hubspot:%s holds a value that somebody saw and wrote over", f.Name,
					two[domain.Aloware].ID, two[domain.HubSpot].ID)
			}
		}
	}
}

// history is what was written into one field of a pair, in canonical form.
type history struct {
	field settings.Field
	pair  pair
	wrote map[domain.System][]string
	end   map[domain.System]word // the last one
}

func (p pairs) history(f settings.Field, two pair, said map[domain.System]words) history {
	h := history{f, two, map[domain.System][]string{}, map[domain.System]word{}}
	for system, one := range two {
		side := f.Side(system)
		for _, w := range said[system].of(one.ID, side) {
			h.wrote[system] = append(h.wrote[system], p.value(f, system, person{Properties: map[string]string{side.Read: w.value}}))
			h.end[system] = w
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

// overruled finds a system's last word that somebody in the other system saw and wrote over when Duolog knew that both agree
// on it: then it is no conflict, and only the other's last word may stand, however close in time they were. That it came there
// by Duolog is certain of what was written once and on its own side alone.
func (p pairs) overruled(h history, l log) (old string, ok bool) {
	for system, other := range map[domain.System]domain.System{
		domain.HubSpot: domain.Aloware, domain.Aloware: domain.HubSpot,
	} {
		old, over := h.last(system), h.end[other]
		once := slices.Index(h.wrote[system], old) == len(h.wrote[system])-1
		if old == "" || h.last(other) == "" || !once || slices.Contains(h.wrote[other], old) {
			continue
		}
		shows := func(properties map[string]string) bool {
			return p.value(h.field, other, person{Properties: properties}) == old
		}
		stream := domain.Record{System: other, ID: h.pair[other].ID}.Stream()
		if shows(over.shown) && l.settled(stream, h.field.Name, over.at, shows) {
			return old, true
		}
	}
	return "", false
}
