package domain

import "encoding/json"

// OwnerIDs tells by what id one system knows a person, and which person an id means.
type OwnerIDs struct {
	Emails map[string]string // id → canonical email
	IDs    map[string]string // canonical email → id
	Nobody string            // id of who stands in for a person the system does not have; empty: nobody does
}

// readOwner returns the email of the person an id means.
func readOwner(v scalar, f Format) (string, error) {
	id, err := v.single(Owner)
	switch {
	case err != nil:
		return "", err
	case f.Owners == nil:
		return "", invalid(Owner, "the people of "+f.System.Title()+" are not known yet")
	case id == "0" && f.System == Aloware: // how a PHP application may say nobody
		return "", nil
	}
	email, ok := f.Owners.Emails[id]
	if !ok {
		return "", invalid(Owner, "is none of the people of "+f.System.Title())
	}
	return email, nil
}

// writeOwner returns the id of the person with the email, or of who stands in for them.
func writeOwner(canonical string, f Format) (json.RawMessage, error) {
	if f.Owners == nil {
		return nil, invalid(Owner, "the people of "+f.System.Title()+" are not known yet")
	}
	id, ok := f.Owners.IDs[canonical]
	if !ok {
		id = f.Owners.Nobody
	}
	switch {
	case id == "":
		return nil, invalid(Owner, "nobody in "+f.System.Title()+" has this email")
	case f.System == Aloware && digitsOnly(id):
		return json.RawMessage(id), nil
	}
	return quote(id), nil
}
