package domain

// Kinds of activities.
const ActivityCall = "call"

// Activity is the payload of activity.observed: something that was done with a person, told on the stream of the
// record and sealed under its key.
type Activity struct {
	Via  string `json:"via"`
	Kind string `json:"kind"`
	// ID is the system's id of the activity; several facts may tell of one.
	ID string `json:"id,omitempty"`
	// Clock is the moment it was told, At the moment it began, µs UTC; At is 0 when the system does not say.
	Clock int64 `json:"clock"`
	At    int64 `json:"at,omitempty"`
	// Direction is "inbound" or "outbound"; empty when not told.
	Direction string `json:"direction,omitempty"`
	Seconds   int64  `json:"seconds,omitempty"` // of conversation
	User      string `json:"user,omitempty"`    // the system's id of who did it
	// Disposition and Type are what was chosen afterwards, in the system's own words.
	Disposition Choice `json:"disposition,omitzero"`
	Type        Choice `json:"type,omitzero"`
	// Vendor names the vendor's own event type as delivered.
	Vendor string `json:"vendor,omitempty"`
	// Properties are everything told about it, as delivered, the person's own properties excepted.
	Properties Properties `json:"properties,omitempty"`
}

// Choice is an entry of a catalog as a system names it elsewhere: by id, by label, or by both.
type Choice struct {
	ID    string `json:"id,omitempty"`
	Label string `json:"label,omitempty"`
}

// IsZero reports that nothing was chosen.
func (c Choice) IsZero() bool { return c == Choice{} }
