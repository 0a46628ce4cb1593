package sandbox

import "slices"

// property is a property as HubSpot describes it.
type property struct {
	Name                 string       `json:"name"`
	Label                string       `json:"label"`
	Type                 string       `json:"type"`
	FieldType            string       `json:"fieldType"`
	GroupName            string       `json:"groupName"`
	Description          string       `json:"description"`
	Options              []option     `json:"options"`
	DisplayOrder         int          `json:"displayOrder"`
	HasUniqueValue       bool         `json:"hasUniqueValue"`
	Hidden               bool         `json:"hidden"`
	FormField            bool         `json:"formField"`
	HubspotDefined       bool         `json:"hubspotDefined"`
	Calculated           bool         `json:"calculated"`
	ExternalOptions      bool         `json:"externalOptions"`
	Archived             bool         `json:"archived"`
	CreatedAt            string       `json:"createdAt,omitempty"`
	UpdatedAt            string       `json:"updatedAt,omitempty"`
	ModificationMetadata modification `json:"modificationMetadata"`
}

type option struct {
	Label        string `json:"label"`
	Value        string `json:"value"`
	DisplayOrder int    `json:"displayOrder"`
	Hidden       bool   `json:"hidden"`
	Description  string `json:"description"`
}

type modification struct {
	Archivable         bool `json:"archivable"`
	ReadOnlyDefinition bool `json:"readOnlyDefinition"`
	ReadOnlyOptions    bool `json:"readOnlyOptions"`
	ReadOnlyValue      bool `json:"readOnlyValue"`
}

func (p *property) writable() bool {
	return !p.Calculated && !p.ModificationMetadata.ReadOnlyValue && !p.Archived
}

func text(name, label string) *property { return standard(name, label, "string", "text") }

func standard(name, label, typ, field string, values ...string) *property {
	p := &property{
		Name: name, Label: label, Type: typ, FieldType: field, GroupName: "contactinformation", FormField: true,
		HubspotDefined: true, Options: []option{}, ModificationMetadata: modification{ReadOnlyDefinition: true},
	}
	for i, v := range values {
		p.Options = append(p.Options, option{Label: v, Value: v, DisplayOrder: i})
	}
	return p
}

// labelled gives the options the labels people see.
func labelled(p *property, labels ...string) *property {
	for i, l := range labels {
		p.Options[i].Label = l
	}
	return p
}

func readOnly(p *property) *property {
	p.FormField, p.ModificationMetadata.ReadOnlyValue = false, true
	return p
}

// custom is a property the portal's people made.
func custom(p *property) *property {
	p.HubspotDefined, p.ModificationMetadata = false, modification{Archivable: true}
	return p
}

// calculated properties come from others and cannot be written.
func calculated(p *property) *property {
	p.Calculated = true
	return readOnly(p)
}

func contactProperties() []*property {
	owner := standard("hubspot_owner_id", "Contact owner", "enumeration", "select")
	owner.ExternalOptions = true
	return append([]*property{
		text("email", "Email"), text("firstname", "First Name"), text("lastname", "Last Name"),
		standard("phone", "Phone Number", "string", "phonenumber"),
		standard("mobilephone", "Mobile Phone Number", "string", "phonenumber"),
		text("company", "Company Name"), text("jobtitle", "Job Title"), text("address", "Street Address"),
		text("city", "City"), text("state", "State/Region"), text("zip", "Postal Code"),
		text("country", "Country/Region"), text("website", "Website URL"),
		standard("date_of_birth", "Date of birth", "date", "date"),
		labelled(standard("hs_lead_status", "Lead Status", "enumeration", "radio", "NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL",
			"UNQUALIFIED", "ATTEMPTED_TO_CONTACT", "CONNECTED", "BAD_TIMING"), "New", "Open", "In Progress", "Open Deal",
			"Unqualified", "Attempted to Contact", "Connected", "Bad Timing"),
		labelled(standard("lifecyclestage", "Lifecycle Stage", "enumeration", "radio", "subscriber", "lead",
			"marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer", "evangelist", "other"), "Subscriber",
			"Lead", "Marketing Qualified Lead", "Sales Qualified Lead", "Opportunity", "Customer", "Evangelist", "Other"),
		owner,
		custom(text("lead_origin", "Lead origin")),
		custom(standard("plan_tier", "Plan tier", "enumeration", "select", "gold", "silver")),
		custom(standard("seats", "Seats", "number", "number")),
		custom(text("last_call_disposition", "Last call disposition")),
		custom(standard("last_called", "Last called", "datetime", "date")),
		custom(standard("do_not_call", "Do not call", "bool", "booleancheckbox", "true", "false")),
		custom(text("duolog_created_by", "Created by Duolog")),
		standard("hs_marketable_status", "Marketing contact status", "bool", "booleancheckbox", "true", "false"),
		readOnly(text("hs_additional_emails", "Additional email addresses")),
		readOnly(text("hs_merged_object_ids", "Merged record IDs")),
		calculated(text("hs_searchable_calculated_phone_number", "Searchable phone number")),
		calculated(text("hs_searchable_calculated_mobile_number", "Searchable mobile number")),
	}, systemProperties("lastmodifieddate")...)
}

func systemProperties(modified string) []*property {
	return []*property{
		readOnly(standard("hs_object_id", "Record ID", "number", "number")),
		readOnly(standard("createdate", "Create Date", "datetime", "date")),
		readOnly(standard(modified, "Last Modified Date", "datetime", "date")),
	}
}

func dealProperties() []*property {
	return append([]*property{
		text("dealname", "Deal Name"), text("pipeline", "Pipeline"), text("dealstage", "Deal Stage"),
		standard("amount", "Amount", "number", "number"), standard("closedate", "Close Date", "datetime", "date"),
		text("hubspot_owner_id", "Deal owner"),
	}, systemProperties("hs_lastmodifieddate")...)
}

func callProperties() []*property {
	return append([]*property{
		text("hs_call_title", "Call Title"), text("hs_call_disposition", "Call outcome"),
		standard("hs_activity_type", "Call and meeting type", "enumeration", "select", "Discovery call", "Follow-up call"),
		standard("hs_timestamp", "Activity date", "datetime", "date"),
	}, systemProperties("hs_lastmodifieddate")...)
}

func meetingProperties() []*property {
	return append([]*property{
		text("hs_meeting_title", "Meeting Name"), text("hs_meeting_outcome", "Meeting outcome"),
		standard("hs_activity_type", "Call and meeting type", "enumeration", "select", "Demo", "Onboarding"),
		standard("hs_timestamp", "Activity date", "datetime", "date"),
	}, systemProperties("hs_lastmodifieddate")...)
}

func (t *table) property(name string) *property {
	i := slices.IndexFunc(t.properties, func(p *property) bool { return p.Name == name && !p.Archived })
	if i < 0 {
		return nil
	}
	return t.properties[i]
}
