package contacts

import (
	"encoding/json"
	"slices"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/identity"
	"github.com/duolog/duolog/domain/settings"
)

// policy is the settings in force from a position on: they say by which properties a record is found.
type policy struct {
	position int64
	body     string
	fresh    bool // not stored yet
	settings settings.Settings

	finder identity.Finder
	names  map[domain.System][]string          // read names of what a person is called
	keyed  map[domain.System]map[string]bool   // properties that give keys
	shown  map[domain.System]map[string]string // read names by written ones
}

// standard is the policy while no settings were applied.
func standard() (policy, error) {
	s, err := settings.Preset("default")
	p := policy{settings: s}
	p.prepare()
	return p, err
}

func newPolicy(position int64, body string) (policy, error) {
	p := policy{position: position, body: body}
	err := json.Unmarshal([]byte(body), &p.settings)
	p.prepare()
	return p, err
}

func (p *policy) prepare() {
	p.finder, p.names = identity.NewFinder(p.settings), map[domain.System][]string{}
	p.keyed, p.shown = map[domain.System]map[string]bool{}, map[domain.System]map[string]string{}
	for _, system := range domain.Systems {
		p.names[system] = p.nameProperties(system)
		p.keyed[system], p.shown[system] = map[string]bool{}, map[string]string{}
		for _, name := range append(p.finder.Properties(system), p.names[system]...) {
			p.keyed[system][name] = true
		}
		for _, f := range slices.Backward(p.settings.Fields) { // of two fields, the first counts
			if side := f.Side(system); side.Read != "" {
				p.shown[system][side.Write] = side.Read
			}
		}
	}
}

// policyAt returns the one in force at the position, the first one when none is as old as that.
func policyAt(policies []policy, position int64) *policy {
	in := &policies[0]
	for i := range policies {
		if policies[i].position <= position {
			in = &policies[i]
		}
	}
	return in
}

// nameProperties are the read names of what a person is called in the system.
func (p *policy) nameProperties(system domain.System) []string {
	var names []string
	for _, field := range [...]string{"first_name", "last_name"} {
		if f, ok := p.settings.Field(field); ok {
			names = append(names, f.Side(system).Read)
		}
	}
	if system == domain.Aloware {
		names = append(names, "name")
	}
	return names
}

// readName is the name under which the system shows what is written under the name.
func (p *policy) readName(system domain.System, written string) string {
	if read, ok := p.shown[system][written]; ok {
		return read
	}
	return written
}

// writeName is the name under which the system is written a field.
func (p *policy) writeName(system domain.System, name string) string {
	f, _ := p.settings.Field(name)
	return f.Side(system).Write
}
