package settings

import "github.com/duolog/duolog/domain"

// Field maps one Aloware field to one HubSpot property.
type Field struct {
	Name string `json:"name"` // Duolog's name: Aloware's documented one
	Rules
	Type     domain.Type `json:"type"`
	HubSpot  Side        `json:"hubspot"`
	Aloware  Side        `json:"aloware"`
	Locked   bool        `json:"locked,omitempty"`   // email and phone_number: cannot be removed
	Required bool        `json:"required,omitempty"` // a contact without it cannot exist in Aloware
	// Values maps Aloware's values, or their labels, to HubSpot's, for enumerations; empty: both use the same.
	Values map[string]string `json:"values,omitempty"`
	// ByLabel: values that have the same label are the same.
	ByLabel bool `json:"by_label,omitempty"`
	// People maps emails of Aloware's users to those of HubSpot's owners, for owners whose emails differ.
	People map[string]string `json:"people,omitempty"`
	// Nobody is the email of who stands in for an owner that only one side has; empty: nobody does.
	Nobody string `json:"nobody,omitempty"`
	// Consent is ConsentSticky for a do-not-call or an opt-out: setting it goes through at once, lifting it never by
	// itself. Stop is the value that means stop, empty for true.
	Consent string `json:"consent,omitempty"`
	Stop    string `json:"stop,omitempty"`
	// OnChange says what becomes of a changed phone, which Aloware cannot take: OnChangeHold, the only one.
	OnChange string `json:"on_change,omitempty"`
	// Guard: HubSpot is looked at right before a value is written there, and one that somebody changed is not gone over.
	Guard bool `json:"guard,omitempty"`
}

// Side is how one system names and writes a field. Read and Write differ only in Aloware.
type Side struct {
	Read   string `json:"read"`
	Write  string `json:"write"`
	Format string `json:"format,omitempty"` // Go layout of a date or datetime; empty: ISO
	Zone   string `json:"zone,omitempty"`   // IANA name, of a datetime that is written without one; empty: the connection's
}

// Side returns how the system names the field.
func (f Field) Side(s domain.System) Side {
	if s == domain.HubSpot {
		return f.HubSpot
	}
	return f.Aloware
}

// Listed reports a field whose values are read through what the systems offer to choose from: people, or labels.
func (f Field) Listed() bool {
	return f.Type == domain.Owner || f.Type == domain.Enumeration && (f.ByLabel || len(f.Values) > 0)
}

// Sticky reports a consent field.
func (f Field) Sticky() bool { return f.Consent == ConsentSticky }

// StopValue is the canonical value of a consent field that means stop.
func (f Field) StopValue() string {
	if f.Stop == "" {
		return "true"
	}
	return f.Stop
}

// What a consent field may be.
const ConsentSticky = "sticky"

// What may become of a changed phone. Aloware finds a contact by its phone, and its API would make a second one.
const OnChangeHold = "hold"
