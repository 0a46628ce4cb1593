package aloware

import "github.com/duolog/duolog/domain"

// property is a documented property of a contact. Most have one name; a few are written under one and read under
// another, and then both are listed in the schema, the read name as read-only.
type property struct {
	name     string
	label    string
	kind     domain.Type
	read     string // the name it is read under, when it differs
	readOnly bool
}

// properties are the documented ones: what forms takes and what the look-up shows. Aloware has no endpoint that lists
// custom attributes; they appear in webhook bodies by slug and pass through under it.
var properties = []property{
	{name: "phone_number", label: "Phone number", kind: domain.Phone},
	{name: "email", label: "Email", kind: domain.Email},
	{name: "first_name", label: "First name", kind: domain.Text},
	{name: "last_name", label: "Last name", kind: domain.Text},
	{name: "name", label: "Name", kind: domain.Text},
	{name: "company_name", label: "Company name", kind: domain.Text},
	{name: "address", label: "Address", kind: domain.Text},
	{name: "city", label: "City", kind: domain.Text, read: "cnam_city"},
	{name: "state", label: "State", kind: domain.Text, read: "cnam_state"},
	{name: "zipcode", label: "Zip code", kind: domain.Text, read: "cnam_zipcode"},
	{name: "country", label: "Country", kind: domain.Text, read: "cnam_country"},
	{name: "website", label: "Website", kind: domain.Text},
	{name: "timezone", label: "Time zone", kind: domain.Text},
	{name: "date_of_birth", label: "Date of birth", kind: domain.Date},
	{name: "notes", label: "Notes", kind: domain.Text},
	{name: "lead_source", label: "Lead source", kind: domain.Text},
	{name: "csf1", label: "Custom field 1", kind: domain.Text},
	{name: "csf2", label: "Custom field 2", kind: domain.Text},
	{name: "user_id", label: "Owner", kind: domain.Owner},
	{name: "disposition_status_id", label: "Contact disposition", kind: domain.Enumeration},
	{name: "is_dnc", label: "Do not call", kind: domain.Bool},
	{name: "tags", label: "Tags", kind: domain.Text},
	{name: "other_phone_numbers", label: "Other phone numbers", kind: domain.Text},
	{name: "id", label: "Contact ID", kind: domain.Number, readOnly: true},
	{name: "company_id", label: "Account ID", kind: domain.Number, readOnly: true},
	{name: "intake_source", label: "Intake source", kind: domain.Text, readOnly: true},
	{name: "is_blocked", label: "Blocked", kind: domain.Bool, readOnly: true},
	{name: "text_authorized", label: "Text authorized", kind: domain.Bool, readOnly: true},
	{name: "is_opted_out", label: "Opted out", kind: domain.Bool, readOnly: true},
	{name: "lrn_type", label: "Line type", kind: domain.Number, readOnly: true},
	{name: "created_at", label: "Created at", kind: domain.Datetime, readOnly: true},
	{name: "last_engagement_at", label: "Last engagement at", kind: domain.Datetime, readOnly: true},
}

// reserved are the parameters of forms that are no properties of a contact: they steer the request, and a value sent
// under one of them could lift the guard or enrol people.
var reserved = map[string]bool{
	"api_token": true, "force_update": true, "force_update_sequence": true, "sequence_id": true, "line_id": true,
	"tag_id": true, "list_ids": true, "distribute_to_ring_group": true, "ring_group_id": true,
	"check_available_users": true, "check_available_users_with_fallback": true, "add_to_powerdialer": true,
	"powerdialer_position": true,
}

var byName = func() map[string]property {
	m := make(map[string]property, len(properties))
	for _, p := range properties {
		m[p.name] = p
	}
	return m
}()

// ReadName returns the name under which a written property is read back.
func ReadName(write string) string {
	if p := byName[write]; p.read != "" {
		return p.read
	}
	return write
}

// Documented lists every name a mapping may use, all declared: Aloware has no endpoint to ask.
func Documented() []domain.Property {
	var out []domain.Property
	for _, p := range properties {
		out = append(out, domain.Property{
			Name: p.name, Label: p.label, Type: p.kind, ReadOnly: p.readOnly, Declared: true,
		})
		if p.read != "" {
			out = append(out, domain.Property{
				Name: p.read, Label: p.label, Type: p.kind, ReadOnly: true, Declared: true,
			})
		}
	}
	return out
}
