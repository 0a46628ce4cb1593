package settings

import (
	"encoding/json"
	"time"
	// Zones by name must resolve the same way on a machine without a zone database.
	_ "time/tzdata"

	"github.com/duolog/duolog/domain"
)

// Env is what reading values needs beyond their field: the connection's zone and phone region. Making one loads a
// zone; make it once per settings version.
type Env struct {
	Zone   *time.Location
	Region string
}

// Env returns the environment of these settings; a zone that does not exist (Validate says so) counts as UTC.
func (s Settings) Env() Env {
	z, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		z = time.UTC
	}
	return Env{Zone: z, Region: s.PhoneRegion}
}

// Format returns how the system writes the field's values.
func (f Field) Format(sys domain.System, env Env) domain.Format {
	return domain.Format{
		System: sys, Layout: f.Side(sys).Format, Zone: env.Zone, Region: env.Region, Values: f.Values,
	}
}

// Get returns the canonical text of the field in what the system told. known is false when the property is not
// among them: nothing was said about it. A value that is not of the field's type is a *domain.InvalidError.
func (f Field) Get(sys domain.System, props domain.Properties, env Env) (canonical string, known bool, err error) {
	raw, known := props[f.Side(sys).Read]
	if !known {
		return "", false, nil
	}
	canonical, err = domain.Canonical(f.Type, raw, f.Format(sys, env))
	return canonical, true, err
}

// Put returns the property and the raw value that write the canonical text into the system.
func (f Field) Put(sys domain.System, canonical string, env Env) (prop string, raw json.RawMessage, err error) {
	raw, err = domain.Render(f.Type, canonical, f.Format(sys, env))
	return f.Side(sys).Write, raw, err
}
