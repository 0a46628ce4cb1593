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
