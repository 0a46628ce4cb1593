package domain

// Type is the kind of value a mapped field holds on both sides.
type Type string

// The types of mapped fields.
const (
	Text        Type = "text"
	Number      Type = "number"
	Date        Type = "date"
	Datetime    Type = "datetime"
	Bool        Type = "bool"
	Enumeration Type = "enumeration"
	Phone       Type = "phone"
	Email       Type = "email"
	Owner       Type = "owner" // a person who works in both systems, known by email
)
