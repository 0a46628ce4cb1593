package domain

import (
	"encoding/json"
	"time"
)

// Format says how one system writes values of a mapped field.
type Format struct {
	System System
	// Layout is the Go layout of a date or datetime; empty: ISO 8601.
	Layout string
	// Zone is where a datetime without a zone was written down; nil: UTC.
	Zone *time.Location
	// Region reads a phone number that has no country code, as an ISO 3166 code such as "US".
	Region string
	// Values maps Aloware's values of an enumeration to HubSpot's; empty: both systems use the same.
	Values map[string]string
	// Closed: Values is all there is, even when it is empty.
	Closed bool
	// Owners are the people of the system; nil: none is known.
	Owners *OwnerIDs
}

// InvalidError says that a raw value is not one of its type. Neither its reason nor its text holds the value.
type InvalidError struct {
	Type   Type
	Reason string
}

func (e *InvalidError) Error() string { return "not a valid " + string(e.Type) + ": " + e.Reason }

func invalid(t Type, reason string) error { return &InvalidError{Type: t, Reason: reason} }

// kind is what one type does: read turns a decoded, not blank value into its canonical text, write turns canonical
// text that is not blank into what the system is sent. Texts that are read back give the same canonical text.
type kind struct {
	read  func(v scalar, f Format) (string, error)
	write func(canonical string, f Format) (json.RawMessage, error)
}

var kinds = map[Type]kind{
	Text:        {readText, writeText},
	Number:      {readNumber, writeNumber},
	Date:        {readDate, writeDate},
	Datetime:    {readDatetime, writeDatetime},
	Bool:        {readBool, writeBool},
	Enumeration: {readEnumeration, writeEnumeration},
	Phone:       {readPhone, writeText},
	Email:       {readEmail, writeText},
	Owner:       {readOwner, writeOwner},
}

// Valid reports whether t is one of the types.
func (t Type) Valid() bool {
	_, ok := kinds[t]
	return ok
}

// Canonical returns the text under which raw values of a type are compared: two raw values with the same canonical
// text are the same value, whatever system wrote them. The empty text is blank: JSON null, "", nothing at all, or
// only white space. A value that is not one of the type is an *InvalidError.
func Canonical(t Type, raw json.RawMessage, f Format) (string, error) {
	k, ok := kinds[t]
	if !ok {
		return "", invalid(t, "no such type")
	}
	v, err := decode(raw)
	if err != nil {
		return "", invalid(t, err.Error())
	}
	if v.blank() {
		return "", nil
	}
	return k.read(v, f)
}

// Render returns the JSON a system is sent for a canonical text; "" is sent to empty a value. Read back by Canonical
// under the same format it gives the canonical text again. A value the system has no form for is an *InvalidError.
func Render(t Type, canonical string, f Format) (json.RawMessage, error) {
	k, ok := kinds[t]
	if !ok {
		return nil, invalid(t, "no such type")
	}
	if canonical == "" {
		return json.RawMessage(`""`), nil
	}
	return k.write(canonical, f)
}

func writeText(canonical string, _ Format) (json.RawMessage, error) { return quote(canonical), nil }
