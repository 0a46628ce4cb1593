package domain

// Property describes a property of a system's contacts, as far as the system tells.
type Property struct {
	Name     string   `json:"name"`
	Label    string   `json:"label,omitempty"`
	Type     Type     `json:"type"`
	ReadOnly bool     `json:"read_only,omitempty"`
	Options  []Option `json:"options,omitempty"`
	// Declared is true when the system cannot list its properties and this one is only documented.
	Declared bool `json:"declared,omitempty"`
}

// Option is a choice of an enumeration.
type Option struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

// Schema is the payload of schema.observed: which properties a system's contacts have.
type Schema struct {
	System System `json:"system"`
	// Clock is the moment the reading began, µs UTC.
	Clock int64 `json:"clock"`
	// Digest tells one list of properties from another.
	Digest string `json:"digest"`
	// Properties are all there are. They are left out when they are those told last.
	Properties []Property `json:"properties,omitempty"`
}

// Fault is something in the mapping that does not fit the two systems. It holds no personal value.
type Fault struct {
	Field  string `json:"field"` // the path in the settings: "fields.city.type"
	Found  string `json:"found"`
	Wanted string `json:"wanted"`
	Fix    string `json:"fix,omitempty"`
}

// unfit are the words, HubSpot's own, for a property that was refused because of what it is there, not because of what
// was written: values are sent in the form their field's type asks for. An adapter of a system with other words uses
// these.
var unfit = map[string]bool{
	"PROPERTY_DOESNT_EXIST": true, "READ_ONLY_VALUE": true, "INVALID_OPTION": true, "INVALID_NUMBER": true,
	"INVALID_INTEGER": true, "INVALID_LONG": true, "INVALID_DATE": true, "INVALID_BOOLEAN": true,
}

// Unfit reports whether the reason for which a property was refused speaks of the system's schema: the same value may
// be taken once that has changed.
func Unfit(reason string) bool { return unfit[reason] }
