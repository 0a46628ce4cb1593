package settings

import "github.com/duolog/duolog/domain"

// Shut says what faults of the mapping switch off, by field: the whole sync, under "", for a fault in a locked or
// required field, or in any when the settings say so; otherwise the field alone.
func (s Settings) Shut(faults []Fault) map[string][]domain.Fault {
	shut := map[string][]domain.Fault{}
	for _, f := range faults {
		name := f.Mapped()
		field, ok := s.Field(name)
		if !ok || field.Locked || field.Required || s.Gate == GateSync {
			name = ""
		}
		shut[name] = append(shut[name], domain.Fault{Field: f.Field, Found: f.Found, Wanted: f.Wanted, Fix: f.Fix})
	}
	return shut
}
