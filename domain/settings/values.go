package settings

import (
	"encoding/json"
	"time"
	// Zones by name must resolve the same way on a machine without a zone database.
	_ "time/tzdata"

	"github.com/duolog/duolog/domain"
)

// Env is what reading values needs beyond their field: the connection's zone and phone region, and what is known of
// the choices both systems offer. Making one loads zones; make it once per settings version.
type Env struct {
	Zone   *time.Location
	Region string

	zones  map[string]*time.Location
	values map[string]map[string]string // of enumerations, by field
	owners map[string]map[domain.System]*domain.OwnerIDs
}

// Env returns the environment of these settings; a zone that does not exist (Validate says so) counts as UTC.
func (s Settings) Env() Env { return s.EnvWith(Lists{}) }

// EnvWith is Env with the choices both systems offer.
func (s Settings) EnvWith(l Lists) Env {
	e := Env{
		Zone: location(s.TimeZone), Region: s.PhoneRegion, zones: map[string]*time.Location{},
		values: map[string]map[string]string{}, owners: map[string]map[domain.System]*domain.OwnerIDs{},
	}
	for _, f := range s.Fields {
		for _, side := range []Side{f.Aloware, f.HubSpot} {
			if side.Zone != "" {
				e.zones[side.Zone] = location(side.Zone)
			}
		}
		switch f.Type {
		case domain.Enumeration:
			e.values[f.Name] = l.values(f)
		case domain.Owner:
			e.owners[f.Name] = l.owners(f)
		default: // needs no list
		}
	}
	return e
}

func location(name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC
	}
	return z
}

// Lacks says why a field's values cannot be read yet, since the people of a system, or the labels of its choices, are
// not known; empty when they can.
func (e Env) Lacks(f Field) string {
	switch {
	case f.Type == domain.Owner && e.owners[f.Name][domain.Aloware] == nil:
		return "the users of Aloware are not known yet"
	case f.Type == domain.Owner && e.owners[f.Name][domain.HubSpot] == nil:
		return "the owners of HubSpot are not known yet"
	case f.ByLabel && len(e.values[f.Name]) == 0:
		return "no choice of both systems is known to have the same label"
	}
	return ""
}

// Format returns how the system writes the field's values.
func (f Field) Format(sys domain.System, env Env) domain.Format {
	side := f.Side(sys)
	out := domain.Format{System: sys, Layout: side.Format, Zone: env.Zone, Region: env.Region, Values: f.Values}
	if side.Zone != "" {
		out.Zone = env.zones[side.Zone]
	}
	switch f.Type {
	case domain.Enumeration:
		if values, ok := env.values[f.Name]; ok {
			out.Values, out.Closed = values, f.ByLabel
		}
	case domain.Owner:
		out.Owners = env.owners[f.Name][sys]
	default: // needs no list
	}
	return out
}

// Get returns the canonical text of the field in what the system told. known is false when the property is not
// among them: nothing was said about it. A value that is not of the field's type is a *domain.InvalidError.
func (f Field) Get(sys domain.System, props domain.Properties, env Env) (canonical string, known bool, err error) {
	raw, known := props[f.Side(sys).Read]
	if !known {
		return "", false, nil
	}
	canonical, err = f.Read(sys, raw, env)
	return canonical, true, err
}

// Read returns the canonical text of a value the system told, as Get does.
func (f Field) Read(sys domain.System, raw json.RawMessage, env Env) (canonical string, err error) {
	return domain.Canonical(f.Type, raw, f.Format(sys, env))
}

// Put returns the property and the raw value that write the canonical text into the system.
func (f Field) Put(sys domain.System, canonical string, env Env) (prop string, raw json.RawMessage, err error) {
	raw, err = domain.Render(f.Type, canonical, f.Format(sys, env))
	return f.Side(sys).Write, raw, err
}
