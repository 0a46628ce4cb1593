package contacts

import (
	"encoding/json"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// policy is the settings in force from a position on: they say by which properties a record is found.
type policy struct {
	position int64
	body     string
	fresh    bool // not stored yet
	settings settings.Settings
}

// standard is the policy while no settings were applied.
func standard() (policy, error) {
	s, err := settings.Preset("default")
	return policy{settings: s}, err
}

func newPolicy(position int64, body string) (policy, error) {
	p := policy{position: position, body: body}
	err := json.Unmarshal([]byte(body), &p.settings)
	return p, err
}

// policyAt returns the one in force at the position, the first one when none is as old as that.
func policyAt(policies []policy, position int64) policy {
	in := policies[0]
	for _, p := range policies {
		if p.position <= position {
			in = p
		}
	}
	return in
}

// nameProperties are the read names of what a person is called in the system.
func (p policy) nameProperties(system domain.System) []string {
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
func (p policy) readName(system domain.System, written string) string {
	for _, f := range p.settings.Fields {
		if side := f.Side(system); side.Write == written && side.Read != "" {
			return side.Read
		}
	}
	return written
}

// writeName is the name under which the system is written a field.
func (p policy) writeName(system domain.System, name string) string {
	f, _ := p.settings.Field(name)
	return f.Side(system).Write
}
