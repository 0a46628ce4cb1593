package sandbox

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// contact is a contact as the look-up shows it, by read name.
type contact struct {
	id            string
	shown         map[string]any
	notifications int
	lastCall      int
	lastCallAt    string
}

// Contact is a contact as it stands.
type Contact struct {
	ID         string            `json:"id"`
	Properties map[string]string `json:"properties"` // by read name; blank ones are left out, lists are comma-separated
	// Notifications counts the POSTs that made, changed or re-added it.
	Notifications int `json:"notifications"`
}

func (c *contact) export() Contact {
	out := Contact{ID: c.id, Properties: map[string]string{}, Notifications: c.notifications}
	for name, v := range c.shown {
		text := fmt.Sprint(v)
		if list, ok := v.([]string); ok {
			text = strings.Join(list, ",")
		}
		if v != nil && text != "" {
			out.Properties[name] = text
		}
	}
	return out
}

func (c *contact) phone() string {
	p, _ := c.shown["phone_number"].(string)
	return p
}

// blank makes a contact without values. Every key is there, as in the real answer.
func (s *Sandbox) blank(phone, intake string) *contact {
	s.lastID++
	id := strconv.Itoa(s.lastID)
	shown := map[string]any{
		"id": s.lastID, "company_id": s.cfg.CompanyID, "phone_number": phone, "intake_source": intake,
		"uuid_v4": fmt.Sprintf("00000000-0000-4000-8000-%012d", s.lastID), "created_at": s.now(),
		"is_dnc": false, "is_blocked": false, "is_opted_out": false, "text_authorized": 0, "lrn_type": 4,
		"tags": []string{}, "campaign_ids": []int{}, "integration_data": nil,
		"nb_communications": 0, "inbound_call_count": 0, "outbound_call_count": 0, "inbound_sms_count": 0,
		"outbound_sms_count": 0, "unread_count": 0, "unread_missed_call_count": 0, "unread_voicemail_count": 0,
	}
	for _, name := range []string{
		"text_authorized_at", "cnam_source", "lead_source_id", "initial_campaign_id", "sequence_id", "workflow_id",
		"custom_link", "last_engagement_at", "last_engagement_text",
	} {
		shown[name] = nil
	}
	for _, r := range s.rules {
		if _, set := shown[r.read]; !set {
			shown[r.read] = nil
		}
	}
	return &contact{id: id, shown: shown}
}

// now is a naive time without a zone, as Aloware prints it.
func (s *Sandbox) now() string { return s.cfg.Clock().UTC().Format("2006-01-02 15:04:05") }

// set stores values by read name and returns the names of those that changed. name and its two parts follow each
// other.
func (c *contact) set(values map[string]any) map[string]bool {
	changed := map[string]bool{}
	if full, ok := values["name"].(string); ok && values["first_name"] == nil && values["last_name"] == nil {
		first, last, _ := strings.Cut(full, " ")
		values["first_name"], values["last_name"] = first, orNil(last)
	}
	for name, v := range values {
		if name == "tags" && v == nil {
			v = []string{}
		}
		if name == "is_dnc" && v == nil {
			v = false
		}
		if !reflect.DeepEqual(c.shown[name], v) {
			c.shown[name], changed[name] = v, true
		}
	}
	first, _ := c.shown["first_name"].(string)
	last, _ := c.shown["last_name"].(string)
	c.shown["name"] = orNil(strings.TrimSpace(first + " " + last))
	return changed
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}
